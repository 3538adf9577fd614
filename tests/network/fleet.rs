//! The right value, in networks of real processes: ours and CZMQ's own nodes on lines that are slow, freeze and
//! break, killed and stopped; the judge asks which value they agree on.
//!
//! | file | concern |
//! | --- | --- |
//! | `relay` | a line with delay, bandwidth, freezes and cuts |
//! | `member` | a node of a fleet, and what it said when |
//! | `history` | every write of a run, and which value may stay |
//! | `plan` | what happens in a run: a seed decides |
//! | `run` | a run: faults and writes, then the judgement |
//! | `runs` | runs of `make test`, `make fleet` and `make soak` |
//! | `returning` | who comes back brings nothing old |
//! | `stock` | CZMQ's nodes that come back bring nothing old |
//! | `limits` | what one node refuses harms nobody |
//! | `crowd` | a hub restarts under many leaves |
//! | `bulk` | large transfers on slow lines |
//! | `wrong_clock` | hubs and leaves whose clock cannot be right |

mod history;
mod member;
mod plan;
mod relay;
mod run;

mod bulk;
mod crowd;
mod limits;
mod returning;
mod runs;
mod stock;
mod wrong_clock;
