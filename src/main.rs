//! The `wabacl` program: starts things and gives an exit code.

fn main() -> std::process::ExitCode {
    wabacl::cli::main()
}
