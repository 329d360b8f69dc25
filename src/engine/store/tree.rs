//! A sorted set whose versions share what they have in common: the shape of every index of the
//! store. A node is copied when it is changed while another version still holds it, so a change
//! costs a path from the root, however many keys there are.

use std::cmp::Ordering;
use std::slice;
use std::sync::Arc;

const LEAF_MAX: usize = 64;
const BRANCH_MAX: usize = 64;
/// No tree is this deep: it would hold more keys than there are numbers.
const DEPTH_MAX: usize = 8;

/// A persistent sorted set. The order is the caller's: every operation takes a probe, which says
/// how a key of the set compares to the key that is meant, as in `slice::binary_search_by`.
#[derive(Debug, Clone)]
pub(super) struct Tree<K> {
    root: Node<K>,
    len: usize,
}

/// The keys of a leaf lie where the pointer to it points: in a large tree most of the cost of a
/// look-up is memory that no cache holds, and every step to it counts.
#[derive(Debug)]
enum Node<K> {
    Leaf(Arc<[K]>),
    Branch(Arc<Branch<K>>),
}

/// `keys[i]` is not above any key in `children[i]` and above all in `children[i - 1]`.
#[derive(Debug, Clone)]
struct Branch<K> {
    keys: Vec<K>,
    children: Vec<Node<K>>,
}

/// The keys of a tree, or those from some key on, in order.
#[derive(Debug)]
pub(super) struct Iter<'a, K> {
    levels: [slice::Iter<'a, Node<K>>; DEPTH_MAX],
    leaf: slice::Iter<'a, K>,
}

// === impl Tree ===

impl<K: Copy> Tree<K> {
    pub(super) fn new() -> Self {
        Self { root: Node::empty(), len: 0 }
    }

    /// A tree of keys that are sorted and distinct.
    pub(super) fn from_sorted(sorted: &[K]) -> Self {
        let mut level: Vec<(K, Node<K>)> = sorted
            .chunks(LEAF_MAX)
            .filter_map(|keys| Some((*keys.first()?, Node::Leaf(keys.into()))))
            .collect();
        while level.len() > 1 {
            level = level
                .chunks(BRANCH_MAX)
                .filter_map(|part| {
                    let keys = part.iter().map(|(key, _)| *key).collect();
                    let children = part.iter().map(|(_, child)| child.clone()).collect();
                    Some((part.first()?.0, Node::branch(keys, children)))
                })
                .collect();
        }
        match level.pop() {
            Some((_, root)) => Self { root, len: sorted.len() },
            None => Self::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn iter(&self) -> Iter<'_, K> {
        self.from(|_| Ordering::Greater)
    }

    /// The keys from the first on that is not below what the probe means.
    pub(super) fn from(&self, probe: impl Fn(&K) -> Ordering) -> Iter<'_, K> {
        let mut iter = Iter { levels: Default::default(), leaf: [].iter() };
        let mut node = &self.root;
        let mut levels = iter.levels.iter_mut();
        loop {
            match node {
                Node::Leaf(keys) => {
                    let start = keys.partition_point(|key| probe(key) == Ordering::Less);
                    iter.leaf = keys.get(start..).unwrap_or_default().iter();
                    return iter;
                }
                Node::Branch(branch) => {
                    let Branch { keys, children } = &**branch;
                    // The child before the first key that is not below may end in keys that are not.
                    let above = keys.get(1..).unwrap_or_default();
                    let start = above.partition_point(|key| probe(key) == Ordering::Less);
                    let mut rest = children.get(start..).unwrap_or_default().iter();
                    let Some(child) = rest.next() else { return iter };
                    if let Some(level) = levels.next() {
                        *level = rest;
                    }
                    node = child;
                }
            }
        }
    }

    pub(super) fn find(&self, probe: impl Fn(&K) -> Ordering) -> Option<K> {
        let mut node = &self.root;
        loop {
            match node {
                Node::Leaf(keys) => {
                    let at = keys.binary_search_by(&probe).ok()?;
                    return keys.get(at).copied();
                }
                Node::Branch(branch) => {
                    node = branch.children.get(child_of(&branch.keys, &probe))?;
                }
            }
        }
    }

    /// Adds a key; `false` if it was there.
    pub(super) fn insert_by(&mut self, key: K, probe: impl Fn(&K) -> Ordering) -> bool {
        if self.find(&probe).is_some() {
            return false;
        }
        if let Some((split_key, right)) = insert(&mut self.root, key, &probe) {
            let left = self.root.clone();
            // The first key of a branch is never looked at.
            let keys = vec![split_key, split_key];
            self.root = Node::branch(keys, vec![left, right]);
        }
        self.len += 1;
        true
    }

    /// Takes a key out; `false` if it was not there.
    pub(super) fn remove_by(&mut self, probe: impl Fn(&K) -> Ordering) -> bool {
        if self.find(&probe).is_none() {
            return false;
        }
        remove(&mut self.root, &probe);
        while let Node::Branch(branch) = &self.root
            && branch.children.len() < 2
        {
            let only = branch.children.first().cloned();
            self.root = only.unwrap_or_else(Node::empty);
        }
        self.len -= 1;
        true
    }
}

impl<K: Copy + Ord> Tree<K> {
    #[cfg(test)]
    pub(super) fn contains(&self, key: K) -> bool {
        self.find(|other| other.cmp(&key)).is_some()
    }

    pub(super) fn insert(&mut self, key: K) -> bool {
        self.insert_by(key, |other| other.cmp(&key))
    }

    pub(super) fn remove(&mut self, key: K) -> bool {
        self.remove_by(|other| other.cmp(&key))
    }

    /// A tree of these keys, in any order, each taken once.
    pub(super) fn from_unsorted(mut keys: Vec<K>) -> Self {
        keys.sort_unstable();
        keys.dedup();
        Self::from_sorted(&keys)
    }
}

impl<K: Copy> Default for Tree<K> {
    fn default() -> Self {
        Self::new()
    }
}

/// Which child holds the key that is meant, if any does.
fn child_of<K>(keys: &[K], probe: &impl Fn(&K) -> Ordering) -> usize {
    let rest = keys.get(1..).unwrap_or_default();
    rest.partition_point(|key| probe(key) != Ordering::Greater)
}

type Split<K> = Option<(K, Node<K>)>;

/// Inserts a key that is not there; a node that grew too large gives its right half back.
fn insert<K: Copy>(node: &mut Node<K>, key: K, probe: &impl Fn(&K) -> Ordering) -> Split<K> {
    match node {
        Node::Leaf(keys) => {
            let at = keys.partition_point(|other| probe(other) == Ordering::Less);
            let (before, after) = keys.split_at_checked(at)?;
            let grown: Vec<K> = before.iter().chain([&key]).chain(after).copied().collect();
            if grown.len() <= LEAF_MAX {
                *keys = grown.into();
                return None;
            }
            let (left, right) = grown.split_at_checked(grown.len() / 2)?;
            *keys = left.into();
            Some((*right.first()?, Node::Leaf(right.into())))
        }
        Node::Branch(branch) => {
            let Branch { keys, children } = Arc::make_mut(branch);
            let at = child_of(keys, probe);
            let (split_key, right) = insert(children.get_mut(at)?, key, probe)?;
            keys.insert(at + 1, split_key);
            children.insert(at + 1, right);
            if children.len() <= BRANCH_MAX {
                return None;
            }
            let half = children.len() / 2;
            let (keys, children) = (keys.split_off(half), children.split_off(half));
            Some((*keys.first()?, Node::branch(keys, children)))
        }
    }
}

/// Removes a key that is there.
fn remove<K: Copy>(node: &mut Node<K>, probe: &impl Fn(&K) -> Ordering) {
    match node {
        Node::Leaf(keys) => {
            let Ok(at) = keys.binary_search_by(probe) else { return };
            let others = keys.iter().enumerate().filter(|(other, _)| *other != at);
            *keys = others.map(|(_, key)| *key).collect();
        }
        Node::Branch(branch) => {
            let Branch { keys, children } = Arc::make_mut(branch);
            let at = child_of(keys, probe);
            let Some(child) = children.get_mut(at) else { return };
            remove(child, probe);
            let size = child.size();
            if size == 0 {
                keys.remove(at);
                children.remove(at);
            } else if size < child.size_max() / 4 {
                merge_around(keys, children, at);
            }
        }
    }
}

/// Joins a small child with a neighbour if both fit in one node with room to grow.
fn merge_around<K: Copy>(keys: &mut Vec<K>, children: &mut Vec<Node<K>>, at: usize) {
    let left = if at == 0 { 0 } else { at - 1 };
    let (Some(first), Some(second)) = (children.get(left), children.get(left + 1)) else { return };
    if first.size() + second.size() > first.size_max() * 3 / 4 {
        return;
    }
    let Some(split_key) = keys.get(left + 1).copied() else { return };
    let second = children.remove(left + 1);
    keys.remove(left + 1);
    let Some(first) = children.get_mut(left) else { return };
    match (first, second) {
        (Node::Leaf(keys), Node::Leaf(more)) => {
            *keys = keys.iter().chain(more.iter()).copied().collect();
        }
        (Node::Branch(first), Node::Branch(second)) => {
            let Branch { keys, children } = Arc::make_mut(first);
            // A branch's own first key may be anything; between two it must be the one above.
            keys.push(split_key);
            keys.extend(second.keys.iter().skip(1));
            children.extend(second.children.iter().cloned());
        }
        _ => {}
    }
}

// === impl Node ===

impl<K> Clone for Node<K> {
    /// Shares what is below.
    fn clone(&self) -> Self {
        match self {
            Self::Leaf(keys) => Self::Leaf(Arc::clone(keys)),
            Self::Branch(branch) => Self::Branch(Arc::clone(branch)),
        }
    }
}

impl<K> Node<K> {
    fn empty() -> Self {
        Self::Leaf(Arc::new([]))
    }

    fn branch(keys: Vec<K>, children: Vec<Self>) -> Self {
        Self::Branch(Arc::new(Branch { keys, children }))
    }

    fn size(&self) -> usize {
        match self {
            Self::Leaf(keys) => keys.len(),
            Self::Branch(branch) => branch.children.len(),
        }
    }

    fn size_max(&self) -> usize {
        match self {
            Self::Leaf(_) => LEAF_MAX,
            Self::Branch(_) => BRANCH_MAX,
        }
    }
}

// === impl Iter ===

impl<K: Copy> Iterator for Iter<'_, K> {
    type Item = K;

    fn next(&mut self) -> Option<K> {
        loop {
            if let Some(key) = self.leaf.next() {
                return Some(*key);
            }
            let mut deepest = self.levels.iter_mut().enumerate().rev();
            let (level, child) = deepest.find_map(|(at, rest)| Some((at, rest.next()?)))?;
            let mut node = child;
            let mut levels = self.levels.iter_mut().skip(level + 1);
            loop {
                match node {
                    Node::Leaf(keys) => {
                        self.leaf = keys.iter();
                        break;
                    }
                    Node::Branch(branch) => {
                        let mut rest = branch.children.iter();
                        let child = rest.next()?;
                        if let Some(level) = levels.next() {
                            *level = rest;
                        }
                        node = child;
                    }
                }
            }
        }
    }
}
