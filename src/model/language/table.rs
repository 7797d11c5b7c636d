//! The usual languages with their endings, file names and interpreters. Owns nothing but facts; names are those of GitHub's linguist.

use super::Language;
use super::Sort::{Data, Markup, Programming, Prose};

macro_rules! languages {
    ($($name:literal $sort:ident [$($ending:literal)*] [$($file:literal)*] [$($program:literal)*];)+) => {
        &[$(Language {
            name: $name,
            sort: $sort,
            endings: &[$($ending),*],
            files: &[$($file),*],
            interpreters: &[$($program),*],
        }),+]
    };
}

/// Every language that is known.
pub(super) static LANGUAGES: &[Language] = languages! {
    "Ada" Programming ["adb" "ads" "ada"] [] [];
    "Apex" Programming ["cls" "trigger"] [] [];
    "AsciiDoc" Prose ["adoc" "asciidoc" "asc"] [] [];
    "Assembly" Programming ["asm" "nasm" "s"] [] [];
    "Astro" Markup ["astro"] [] [];
    "Awk" Programming ["awk" "gawk"] [] ["awk" "gawk" "mawk" "nawk"];
    "Batchfile" Programming ["bat" "cmd"] [] [];
    "BibTeX" Markup ["bib" "bibtex"] [] [];
    "C" Programming ["c" "h"] [] ["tcc"];
    "C#" Programming ["cs" "csx"] [] [];
    "C++" Programming ["cpp" "cc" "cxx" "c++" "hpp" "hh" "hxx" "h++" "ipp" "tpp" "inl"] [] [];
    "CMake" Programming ["cmake"] ["cmakelists.txt"] [];
    "COBOL" Programming ["cob" "cbl" "cpy"] [] [];
    "CSS" Markup ["css"] [] [];
    "CSV" Data ["csv"] [] [];
    "Clojure" Programming ["clj" "cljs" "cljc" "cljx"] ["riemann.config"] [];
    "CoffeeScript" Programming ["coffee"] ["cakefile"] ["coffee"];
    "Common Lisp" Programming ["lisp" "lsp" "asd"] [] ["sbcl" "clisp"];
    "Crystal" Programming ["cr"] [] ["crystal"];
    "Cuda" Programming ["cu" "cuh"] [] [];
    "Cython" Programming ["pyx" "pxd" "pxi"] [] [];
    "D" Programming ["d" "di"] [] ["rdmd"];
    "Dart" Programming ["dart"] [] ["dart"];
    "Dhall" Programming ["dhall"] [] [];
    "Diff" Data ["diff" "patch"] [] [];
    "Dockerfile" Programming ["dockerfile" "containerfile"] ["dockerfile" "containerfile"] [];
    "EJS" Markup ["ejs"] [] [];
    "Elixir" Programming ["ex" "exs"] ["mix.lock"] ["elixir"];
    "Elm" Programming ["elm"] [] [];
    "Emacs Lisp" Programming ["el" "emacs"] [] [];
    "Erlang" Programming ["erl" "hrl" "escript"] ["rebar.config"] ["escript"];
    "F#" Programming ["fs" "fsi" "fsx"] [] [];
    "Fish" Programming ["fish"] [] ["fish"];
    "Forth" Programming ["forth" "4th"] [] [];
    "Fortran" Programming ["f" "f77" "for"] [] [];
    "Fortran Free Form" Programming ["f90" "f95" "f03" "f08"] [] [];
    "GDScript" Programming ["gd"] [] [];
    "GLSL" Programming ["glsl" "vert" "frag" "geom" "comp"] [] [];
    "Gherkin" Programming ["feature"] [] [];
    "Gleam" Programming ["gleam"] [] [];
    "Go" Programming ["go"] [] [];
    "Go Module" Data [] ["go.mod"] [];
    "GraphQL" Data ["graphql" "gql" "graphqls"] [] [];
    "Groovy" Programming ["groovy" "gvy" "grt"] ["jenkinsfile"] ["groovy"];
    "HCL" Programming ["hcl" "tf" "tfvars"] [] [];
    "HTML" Markup ["html" "htm" "xhtml" "html.hl"] [] [];
    "Haml" Markup ["haml"] [] [];
    "Handlebars" Markup ["handlebars" "hbs"] [] [];
    "Haskell" Programming ["hs" "hs-boot" "hsc"] [] ["runghc" "runhaskell" "runhugs"];
    "Haxe" Programming ["hx" "hxsl"] [] [];
    "INI" Data ["ini" "cfg" "prefs"] [".editorconfig" ".gitconfig"] [];
    "Idris" Programming ["idr" "lidr"] [] [];
    "Ignore List" Data [] [".gitignore" ".dockerignore" ".npmignore" ".eslintignore"] [];
    "JSON" Data ["json" "geojson" "webmanifest"] ["composer.lock" ".watchmanconfig"] [];
    "JSON with Comments" Data ["jsonc" "json5"] ["tsconfig.json" "jsconfig.json"] [];
    "Java" Programming ["java" "jav"] [] [];
    "Java Properties" Data ["properties"] [] [];
    "JavaScript" Programming ["js" "mjs" "cjs" "jsx"] ["jakefile"] ["node" "nodejs" "deno" "bun"];
    "Jinja" Markup ["jinja" "j2" "jinja2"] [] [];
    "Jsonnet" Programming ["jsonnet" "libsonnet"] [] [];
    "Julia" Programming ["jl"] [] ["julia"];
    "Jupyter Notebook" Markup ["ipynb"] [] [];
    "Just" Programming ["just"] ["justfile"] [];
    "Kotlin" Programming ["kt" "kts" "ktm"] [] ["kotlin"];
    "LLVM" Programming ["ll"] [] [];
    "Lean" Programming ["lean"] [] [];
    "Less" Markup ["less"] [] [];
    "Lua" Programming ["lua" "rockspec"] [] ["lua" "luajit"];
    "MATLAB" Programming ["m" "matlab"] [] [];
    "Makefile" Programming ["mk" "mak" "make"] ["makefile" "gnumakefile" "kbuild"] ["make"];
    "Markdown" Prose ["md" "markdown" "mdown" "mkd" "mkdn" "livemd"] [] [];
    "MDX" Markup ["mdx"] [] [];
    "Meson" Programming [] ["meson.build" "meson_options.txt"] [];
    "Metal" Programming ["metal"] [] [];
    "Mustache" Markup ["mustache"] [] [];
    "Nim" Programming ["nim" "nims" "nimble"] [] [];
    "Nix" Programming ["nix"] [] [];
    "OCaml" Programming ["ml" "mli" "mll" "mly"] [] ["ocaml" "ocamlrun"];
    "Objective-C++" Programming ["mm"] [] [];
    "Odin" Programming ["odin"] [] [];
    "OpenSCAD" Programming ["scad"] [] [];
    "Org" Prose ["org"] [] [];
    "PHP" Programming ["php" "php3" "php4" "php5" "phtml" "phps"] [] ["php"];
    "PLSQL" Programming ["pls" "plsql" "pck" "pkb" "pks"] [] [];
    "PLpgSQL" Programming ["pgsql"] [] [];
    "Pascal" Programming ["pas" "dpr" "lpr"] [] ["instantfpc"];
    "Perl" Programming ["pl" "pm" "perl" "t"] ["cpanfile" "makefile.pl"] ["perl"];
    "PowerShell" Programming ["ps1" "psd1" "psm1"] [] ["pwsh"];
    "Prolog" Programming ["prolog" "plt"] [] ["swipl"];
    "Protocol Buffer" Data ["proto"] [] [];
    "Pug" Markup ["pug" "jade"] [] [];
    "Puppet" Programming ["pp"] [] [];
    "PureScript" Programming ["purs"] [] [];
    "Python" Programming ["py" "pyi" "pyw" "py3"] ["sconstruct" "sconscript" "snakefile" "wscript"] ["python" "python2" "python3" "pypy" "pypy3" "uv"];
    "QML" Programming ["qml" "qbs"] [] [];
    "R" Programming ["r" "rd" "rsx"] [".rprofile"] ["rscript"];
    "RMarkdown" Prose ["rmd" "qmd"] [] [];
    "Racket" Programming ["rkt" "rktl" "rktd"] [] ["racket"];
    "Raku" Programming ["raku" "rakumod" "p6" "pm6"] [] ["raku" "perl6"];
    "ReScript" Programming ["res" "resi"] [] [];
    "Rich Text Format" Markup ["rtf"] [] [];
    "Roff" Markup ["roff" "man" "mdoc" "1" "2" "3" "4" "5" "6" "7" "8" "9"] [] [];
    "Ruby" Programming ["rb" "rake" "gemspec" "ru" "podspec"] ["gemfile" "rakefile" "vagrantfile" "podfile" "guardfile"] ["ruby" "jruby" "rake"];
    "Rust" Programming ["rs"] [] ["rust-script"];
    "SCSS" Markup ["scss"] [] [];
    "SQL" Data ["sql" "ddl" "mysql"] [] [];
    "SVG" Data ["svg"] [] [];
    "Sass" Markup ["sass"] [] [];
    "Scala" Programming ["scala" "sc" "sbt"] [] ["scala"];
    "Scheme" Programming ["scm" "ss" "sld" "sps"] [] ["guile" "gosh"];
    "Shell" Programming ["sh" "bash" "zsh" "ksh" "bats"] [".bashrc" ".profile" ".zshrc" ".bash_profile" "pkgbuild"] ["sh" "bash" "zsh" "dash" "ksh" "ash" "bats"];
    "Slim" Markup ["slim"] [] [];
    "Smalltalk" Programming ["st"] [] ["gst"];
    "Solidity" Programming ["sol"] [] [];
    "Starlark" Programming ["bzl" "star"] ["build" "build.bazel" "workspace" "workspace.bazel" "module.bazel" "tiltfile"] [];
    "Stylus" Markup ["styl"] [] [];
    "Svelte" Markup ["svelte"] [] [];
    "Swift" Programming ["swift"] [] ["swift"];
    "SystemVerilog" Programming ["sv" "svh" "vh"] [] [];
    "TLA" Programming ["tla"] [] [];
    "TOML" Data ["toml"] ["cargo.lock" "gopkg.lock" "poetry.lock" "uv.lock" "pipfile"] [];
    "TSV" Data ["tsv"] [] [];
    "TSX" Programming ["tsx"] [] [];
    "Tcl" Programming ["tcl" "adp" "tm"] [] ["tclsh" "wish"];
    "TeX" Markup ["tex" "sty" "ltx" "dtx" "cls.tex"] [] [];
    "Text" Prose ["txt" "text"] ["copying" "license" "install" "readme" "news" "authors" "todo" "changes"] [];
    "Thrift" Programming ["thrift"] [] [];
    "Twig" Markup ["twig"] [] [];
    "TypeScript" Programming ["ts" "mts" "cts"] [] ["ts-node" "tsx"];
    "Typst" Programming ["typ"] [] [];
    "V" Programming ["vsh"] [] [];
    "VHDL" Programming ["vhdl" "vhd"] [] [];
    "Vala" Programming ["vala" "vapi"] [] [];
    "Verilog" Programming ["v" "veo"] [] [];
    "Vim Script" Programming ["vim" "vimrc"] [".vimrc" ".nvimrc"] [];
    "Visual Basic .NET" Programming ["vb" "vbhtml"] [] [];
    "Vue" Markup ["vue"] [] [];
    "WebAssembly" Programming ["wat" "wast"] [] [];
    "WGSL" Programming ["wgsl"] [] [];
    "XML" Data ["xml" "xsd" "wsdl" "csproj" "vcxproj" "resx" "plist" "xlf" "rss" "pom"] [] [];
    "XSLT" Programming ["xslt" "xsl"] [] [];
    "YAML" Data ["yml" "yaml"] [".clang-format" ".clang-tidy"] [];
    "Zig" Programming ["zig" "zig.zon"] [] [];
    "reStructuredText" Prose ["rst" "rest"] [] [];
};
