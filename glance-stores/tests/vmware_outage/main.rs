//! The store in vSphere while its server does wrong, or is killed. Such trouble meets all clients
//! of the simulator, so these tests go one after the other, and not beside others.

#![cfg(feature = "vmware")]
#![expect(clippy::unwrap_used, reason = "a failed expectation is a failed test")]

mod killed;
#[path = "../vmware/support.rs"]
mod support;
mod trouble;

use std::sync::{Mutex, PoisonError};

use glance_core::conformance::{backend, run};
use support::Simulator;

/// Runs a case against the simulator, if there is one, while no other does.
fn with_simulator<F: Future<Output = ()>>(case: impl FnOnce(Simulator) -> F) {
    static ONE_BY_ONE: Mutex<()> = Mutex::new(());
    let Some(settings) = backend("GLANCE_TEST_VMWARE") else { return };
    let _turn = ONE_BY_ONE.lock().unwrap_or_else(PoisonError::into_inner);
    run(async {
        let simulator = Simulator::at(&settings);
        simulator.control("reset").await;
        case(simulator.clone()).await;
        simulator.control("reset").await;
    });
}
