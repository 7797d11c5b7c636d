//! Owns `--follow`: one file through history, under the names it had. Called by [`super::log`].
//!
//! As in git there is one name at a time: once a commit is found that made the file out of another, all commits listed after it are looked at
//! under the other name, on whatever side of a merge they are. Merges are compared only with `first_parent`. Unlike git, a rename is followed
//! also when `until`, author or committer hide its commit.

use super::{LogRequest, Page, collect, filter::Filter, topo, walk::Walk};
use crate::{
    diff::{Renames, TreeOptions, rename::origin_of},
    error::{Error, Result},
    history::{path::PathFinder, tree::Entry},
    walk::{Graph, Node, check_interrupt},
};

pub(super) fn run(graph: &mut Graph<'_>, request: &LogRequest, filter: &Filter<'_>, page: &mut Page) -> Result<()> {
    let [path] = request.paths.as_slice() else {
        return Err(Error::BadRequest { what: "following needs exactly one path".to_owned() });
    };
    let mut file = Followed { finder: PathFinder::new(path), first_parent: request.first_parent };
    let mut walk = Walk::new(graph, request, &[])?;
    if request.hidden.is_empty() && request.order == super::Order::Date {
        while let Some(visited) = walk.next(graph)? {
            if file.show(graph, visited.node, filter, page)? {
                break;
            }
        }
        return Ok(());
    }
    let mut visited = collect(&mut walk, graph, None)?;
    if request.order == super::Order::Topo {
        visited = topo::sort(visited);
    }
    for commit in visited {
        if file.show(graph, commit.node, filter, page)? {
            break;
        }
    }
    Ok(())
}

struct Followed {
    finder: PathFinder,
    first_parent: bool,
}

impl Followed {
    /// Adds a commit to the page if it changes the file; answers whether the page is complete.
    fn show(&mut self, graph: &mut Graph<'_>, node: Node, filter: &Filter<'_>, page: &mut Page) -> Result<bool> {
        check_interrupt(graph.interrupt())?;
        if graph.parent_count(node) > 1 && !self.first_parent {
            return Ok(false);
        }
        let parent = graph.parent(node, 0)?;
        if self.finder.is_same(graph, node, parent, 0)? {
            return Ok(false);
        }
        let path = self.finder.path().to_vec();
        if let Some(parent) = parent {
            self.follow(graph, node, parent)?;
        }
        if !filter.passes(graph, node)? {
            return Ok(false);
        }
        page.add(graph, node, Some(&path))
    }

    /// Goes on with another name if the file appeared in this commit and came from somewhere.
    fn follow(&mut self, graph: &Graph<'_>, node: Node, parent: Node) -> Result<()> {
        let leaf = |entry: Option<Entry>| entry.filter(|entry| !entry.is_tree());
        let (old, new) = (leaf(self.finder.entry(graph, parent)?), leaf(self.finder.entry(graph, node)?));
        let (None, Some(_)) = (old, new) else { return Ok(()) };
        let (from, to) = (graph.tree(parent), graph.tree(node));
        let path = self.finder.path().to_vec();
        let options = TreeOptions { renames: Renames::CopiesOfAny, ..TreeOptions::default() };
        if let Some(source) = origin_of(graph.odb(), &from, &to, &path, &options, graph.interrupt())? {
            self.finder = PathFinder::new(&source.path);
        }
        Ok(())
    }
}
