//! A terminal for the program: the other end of a pseudo-terminal.

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use std::fs::File;
use std::io::Read;
use std::process::Command;

/// Runs a program with standard output on a terminal of a width, and returns what it prints there.
pub(crate) fn on_terminal(mut command: Command, columns: u16) -> String {
    let near = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&near).unwrap();
    unlockpt(&near).unwrap();
    let name = ptsname(&near, Vec::new()).unwrap();
    let far = open(name.as_c_str(), OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
    tcsetwinsize(&far, Winsize { ws_row: 40, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    let mut child = command.stdout(far).spawn().unwrap();
    // The command holds the last copy of the far end on this side. Without it, reading ends with the program.
    drop(command);
    let (mut near, mut printed, mut buffer) = (File::from(near), Vec::new(), [0; 4096]);
    // At the end Linux reports an error, and other systems an empty read.
    while let Ok(length @ 1..) = near.read(&mut buffer) {
        printed.extend_from_slice(&buffer[..length]);
    }
    child.wait().unwrap();
    // A terminal ends a line with a carriage return too.
    String::from_utf8(printed).unwrap().replace("\r\n", "\n")
}
