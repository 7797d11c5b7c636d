// The client matrix on go-git. See ../README.md for the commands.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/plumbing/transport/http"
	"github.com/go-git/go-git/v5/plumbing/transport/ssh"
	"github.com/go-git/go-git/v5/storage/memory"
	cryptossh "golang.org/x/crypto/ssh"
)

func main() {
	if err := run(os.Args[1], os.Args[2:]); err != nil && !errors.Is(err, git.NoErrAlreadyUpToDate) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func auth(url string) (transport.AuthMethod, error) {
	if !strings.HasPrefix(url, "ssh:") {
		return &http.BasicAuth{Username: os.Getenv("CLIENT_USER"), Password: os.Getenv("CLIENT_PASSWORD")}, nil
	}
	keys, err := ssh.NewPublicKeysFromFile("git", os.Getenv("CLIENT_KEY"), "")
	if err == nil {
		keys.HostKeyCallback = cryptossh.InsecureIgnoreHostKey()
	}
	return keys, err
}

func who() *object.Signature {
	return &object.Signature{Name: "Matrix", Email: "matrix@example.org", When: time.Unix(1_700_000_000, 0).UTC()}
}

func run(action string, words []string) error {
	switch action {
	case "clone":
		method, err := auth(words[0])
		if err != nil {
			return err
		}
		options := &git.CloneOptions{URL: words[0], Auth: method}
		if len(words) > 2 {
			options.Depth, _ = strconv.Atoi(words[2])
		}
		_, err = git.PlainClone(words[1], false, options)
		return err
	case "list":
		method, err := auth(words[0])
		if err != nil {
			return err
		}
		remote := git.NewRemote(memory.NewStorage(), &config.RemoteConfig{Name: "origin", URLs: []string{words[0]}})
		refs, err := remote.List(&git.ListOptions{Auth: method})
		for _, ref := range refs {
			fmt.Println(ref.Hash(), ref.Name())
		}
		return err
	case "version":
		info, _ := debug.ReadBuildInfo()
		for _, module := range info.Deps {
			if strings.HasPrefix(module.Path, "github.com/go-git/go-git/") {
				fmt.Println("go-git", module.Version)
			}
		}
		return nil
	}
	repository, err := git.PlainOpen(words[0])
	if err != nil {
		return err
	}
	origin, err := repository.Remote("origin")
	if err != nil {
		return err
	}
	method, err := auth(origin.Config().URLs[0])
	if err != nil {
		return err
	}
	switch action {
	case "fetch":
		return repository.Fetch(&git.FetchOptions{Auth: method, Tags: git.AllTags, Prune: true})
	case "commit":
		if err := os.WriteFile(filepath.Join(words[0], words[1]), []byte(words[2]), 0o644); err != nil {
			return err
		}
		tree, err := repository.Worktree()
		if err != nil {
			return err
		}
		if _, err := tree.Add(words[1]); err != nil {
			return err
		}
		id, err := tree.Commit("Write "+words[1], &git.CommitOptions{Author: who(), Committer: who()})
		fmt.Println(id)
		return err
	case "tag":
		head, err := repository.Head()
		if err != nil {
			return err
		}
		_, err = repository.CreateTag(words[1], head.Hash(), &git.CreateTagOptions{Tagger: who(), Message: "Release " + words[1]})
		return err
	case "push":
		specs := make([]config.RefSpec, 0, len(words)-1)
		for _, word := range words[1:] {
			specs = append(specs, config.RefSpec(word))
		}
		return repository.Push(&git.PushOptions{Auth: method, RefSpecs: specs})
	}
	return fmt.Errorf("unknown action %q", action)
}
