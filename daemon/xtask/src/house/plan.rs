//! The plan of the house as data: every room with its rank, the seals, and who is outside the
//! ranks. The other files of this module compare the workspace with it.

/// Whether a room must stand already. A room marked `Later` that appears is an error too, so that
/// this table is always the truth.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Standing {
    Now,
    Later,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    pub(crate) name: &'static str,
    pub(crate) rank: u8,
    pub(crate) standing: Standing,
}

/// `sealed` may be reached, directly or through others, only by the rooms in `by`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seal {
    pub(crate) sealed: &'static str,
    pub(crate) by: &'static [&'static str],
}

/// `from` must reach none of `never`, directly or through others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wall {
    pub(crate) from: &'static str,
    pub(crate) never: &'static [&'static str],
}

/// The plan that a workspace is compared with; a value, so that tests can bring a smaller one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) rooms: &'static [Room],
    pub(crate) seals: &'static [Seal],
    pub(crate) walls: &'static [Wall],
    /// Crates under daemon/ that name no crate of the workspace.
    pub(crate) tools: &'static [&'static str],
    /// Crates under tests/: they may name anything, and only tests may name them.
    pub(crate) tests: &'static [&'static str],
}

impl Plan {
    pub(crate) fn room(&self, name: &str) -> Option<&'static Room> {
        self.rooms.iter().find(|room| room.name == name)
    }
}

const fn now(name: &'static str, rank: u8) -> Room {
    Room {
        name,
        rank,
        standing: Standing::Now,
    }
}

const fn later(name: &'static str, rank: u8) -> Room {
    Room {
        name,
        rank,
        standing: Standing::Later,
    }
}

pub(crate) const HOUSE: Plan = Plan {
    rooms: &[
        now("kernel", 0),
        now("schema", 1),
        now("saml", 1),
        now("soql", 1),
        now("egress", 1),
        now("vault", 1),
        now("db", 2),
        now("audit", 3),
        now("jobs", 4),
        now("identity", 5),
        now("layer", 6),
        now("approvals", 6),
        now("connections", 6),
        now("custody", 6),
        now("objects", 6),
        later("llm", 6),
        now("routing", 7),
        later("pipeline", 7),
        later("agents", 7),
        now("delivery", 7),
        now("salesforce", 8),
        later("mailbox", 8),
        later("recordings", 8),
        now("http", 8),
        now("gateway", 9),
        now("console", 9),
        now("revkeep", 10),
    ],
    seals: &[
        Seal {
            sealed: "salesforce",
            by: &["revkeep"],
        },
        Seal {
            sealed: "mailbox",
            by: &["revkeep"],
        },
        Seal {
            sealed: "recordings",
            by: &["revkeep"],
        },
    ],
    walls: &[
        Wall {
            from: "gateway",
            never: &[
                "salesforce",
                "mailbox",
                "recordings",
                "connections",
                "custody",
            ],
        },
        Wall {
            from: "agents",
            never: &[
                "salesforce",
                "mailbox",
                "recordings",
                "connections",
                "custody",
            ],
        },
    ],
    tools: &["xtask"],
    tests: &["it", "stack", "simulators", "bench"],
};
