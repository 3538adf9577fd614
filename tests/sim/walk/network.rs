//! The networks of the walk: nodes, what their owners do, and what may happen to their connections.

/// Kind of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A zgossip node: the real core.
    Ours,
    /// A CZMQ node: the simulator's model of it.
    Plain,
}

/// A command of an owner. Each published value is another one, so that a value shows which write it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// The node publishes the key.
    Publish(usize),
    /// The node, a zgossip node, retracts the key.
    Retract(usize),
}

impl Act {
    pub fn node(self) -> usize {
        match self {
            Act::Publish(node) | Act::Retract(node) => node,
        }
    }
}

/// A network, and what happens in it, in every order.
#[derive(Clone, Debug)]
pub struct Network {
    pub name: &'static str,
    pub nodes: Vec<Kind>,
    /// Client and server of each connection.
    pub wires: Vec<(usize, usize)>,
    /// Commands of owners. Those of one node come in this order, those of different nodes in any order.
    pub acts: Vec<Act>,
    /// Number of acts that are done, and known to all nodes, before the walk begins. With 0, the walk begins with the
    /// handshake.
    pub before: usize,
    /// Number of times that connections break, in all, with everything that is under way on them.
    pub losses: u8,
    /// Connections that may break.
    pub breakable: Vec<usize>,
    /// Zgossip nodes that end and begin anew with nothing, once each, at any moment.
    pub restarts: Vec<usize>,
    /// Milliseconds for which everything that is under way stands still, once each, at any moment.
    pub freezes: Vec<u64>,
    /// Milliseconds by which each wall clock is wrong.
    pub skew: Vec<u64>,
    /// A value that a node has seen replaced must not come back there, not even for a moment.
    pub forbids_returns: bool,
    /// Orders of steps that do not depend on each other are walked once, where that is easy to see.
    pub reduces: bool,
}

impl Network {
    pub fn new(name: &'static str, nodes: &[Kind], wires: &[(usize, usize)], acts: &[Act]) -> Network {
        Network {
            name,
            nodes: nodes.to_vec(),
            wires: wires.to_vec(),
            acts: acts.to_vec(),
            before: 0,
            losses: 0,
            breakable: (0..wires.len()).collect(),
            restarts: Vec::new(),
            freezes: Vec::new(),
            skew: vec![0; nodes.len()],
            forbids_returns: true,
            reduces: true,
        }
    }

    pub fn before(self, before: usize) -> Network {
        Network { before, ..self }
    }

    pub fn losses(self, losses: u8) -> Network {
        Network { losses, ..self }
    }

    pub fn breakable(self, breakable: &[usize]) -> Network {
        Network { breakable: breakable.to_vec(), ..self }
    }

    pub fn restarts(self, restarts: &[usize]) -> Network {
        Network { restarts: restarts.to_vec(), ..self }
    }

    pub fn freezes(self, freezes: &[u64]) -> Network {
        Network { freezes: freezes.to_vec(), ..self }
    }

    pub fn skew(self, skew: &[u64]) -> Network {
        Network { skew: skew.to_vec(), ..self }
    }

    /// Demands only what holds at the end.
    pub fn in_the_end(self) -> Network {
        Network { forbids_returns: false, ..self }
    }

    /// Walks every order of every step.
    pub fn unreduced(self) -> Network {
        Network { reduces: false, ..self }
    }

    pub fn is_ours(&self, node: usize) -> bool {
        self.nodes[node] == Kind::Ours
    }

    pub fn is_mixed(&self) -> bool {
        self.nodes.contains(&Kind::Plain)
    }

    /// Number of the retraction, if there is one.
    pub fn retraction(&self) -> Option<usize> {
        self.acts.iter().position(|act| matches!(act, Act::Retract(_)))
    }

    /// Returns for each zgossip node the lowest number of those to which zgossip nodes alone link it.
    pub fn components(&self) -> Vec<usize> {
        let mut least: Vec<usize> = (0..self.nodes.len()).collect();
        for _ in 0..self.nodes.len() {
            for &(a, b) in self.wires.iter().filter(|&&(a, b)| self.is_ours(a) && self.is_ours(b)) {
                let lower = least[a].min(least[b]);
                (least[a], least[b]) = (lower, lower);
            }
        }
        least
    }
}
