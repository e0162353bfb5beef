//! `glance-server`: see `glance-server --help`.

mod arenas;

use std::env;
use std::process::ExitCode;

fn main() -> ExitCode {
    arenas::limit();
    glance_server::cli::run(env::args_os())
}
