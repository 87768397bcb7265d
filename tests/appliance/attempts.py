"""What a daemon that somebody took over would try, from inside its unit. Prints one line for each
attempt, `NAME refused|succeeded (why)`, and goes on.

It runs as the program of a unit with the very sandbox of revkeep.service, and once more as root without,
to show that each attempt is a real one."""

import ctypes
import mmap
import os
import socket
import stat

STATE = "/var/lib/revkeep"


def write_and_remove(path):
    with open(path, "w"):
        pass
    os.unlink(path)


def write_system():
    write_and_remove("/usr/share/attempt")


def write_configuration():
    write_and_remove("/etc/revkeep/attempt")


def write_root_folder():
    write_and_remove("/attempt")


def write_other_state():
    write_and_remove("/var/lib/attempt")


def raw_socket():
    socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)


def packet_socket():
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW)


def netlink_socket():
    socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)


def execute_new_file():
    path = STATE + "/attempt.sh"
    with open(path, "w") as file:
        file.write("#!/bin/sh\nexit 0\n")
    os.chmod(path, 0o700)
    try:
        run(path)
    finally:
        os.unlink(path)


def execute_shell():
    run("/bin/sh", "-c", "exit 0")


def run(*arguments):
    child = os.fork()
    if child == 0:
        try:
            os.execv(arguments[0], list(arguments))
        except OSError as error:
            os._exit(100 + (error.errno % 100))
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code != 0:
        raise PermissionError(f"exit {code}")


def writable_code():
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)


def new_namespace():
    clone_new_user = 0x10000000
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(clone_new_user) != 0:
        raise OSError(ctypes.get_errno(), "unshare")


def set_user_id_bit():
    path = STATE + "/attempt.suid"
    with open(path, "w"):
        pass
    try:
        os.chmod(path, 0o4755)
        if not os.stat(path).st_mode & stat.S_ISUID:
            raise PermissionError("the bit is not set")
    finally:
        os.unlink(path)


def see_other_processes():
    os.stat("/proc/1/cmdline")


def read_database_files():
    os.listdir("/var/lib/postgresql/15/main")


ATTEMPTS = [
    write_system,
    write_configuration,
    write_root_folder,
    write_other_state,
    raw_socket,
    packet_socket,
    netlink_socket,
    execute_new_file,
    execute_shell,
    writable_code,
    new_namespace,
    set_user_id_bit,
    see_other_processes,
    read_database_files,
]


def write_state():
    """It can do what it is for, or refusing would prove nothing."""
    write_and_remove(STATE + "/attempt")


def main():
    for attempt in [*ATTEMPTS, write_state]:
        # Each in a process of its own: one that succeeds may change what the next could do.
        child = os.fork()
        if child == 0:
            try:
                attempt()
            except OSError as error:
                outcome = f"refused ({error})"
            else:
                outcome = "succeeded"
            print(attempt.__name__, outcome, flush=True)
            os._exit(0)
        os.waitpid(child, 0)


main()
