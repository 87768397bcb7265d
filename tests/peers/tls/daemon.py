"""The daemon that stands beside this program: both are children of the stack. What it was told is read from its
configuration, what it does from the kernel."""

import ipaddress
import os
import pathlib
import signal
import socket
import ssl
import tomllib

LISTEN = "0A"


def listening(process):
    """The TCP addresses at which one process listens: its own sockets among those of the machine."""
    folder = pathlib.Path("/proc") / str(process)
    inodes = set()
    for handle in (folder / "fd").iterdir():
        try:
            target = os.readlink(handle)
        except FileNotFoundError:  # closed meanwhile, as a connection's
            continue
        if target.startswith("socket:["):
            inodes.add(target.removeprefix("socket:[").removesuffix("]"))
    found = set()
    for table in ("tcp", "tcp6"):
        for line in (folder / "net" / table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTEN and fields[9] in inodes:
                found.add(address(fields[1]))
    return found


def address(text):
    """`0100007F:1F90`: words of 32 bits in the order of this machine's bytes, and the port."""
    words, port = text.split(":")
    raw = bytes.fromhex(words)
    swapped = b"".join(raw[at:at + 4][::-1] for at in range(0, len(raw), 4))
    return str(ipaddress.ip_address(swapped)), int(port, 16)


class Daemon:
    def __init__(self):
        self.process, config = beside()
        server = tomllib.loads(config.read_text())["server"]
        self.address = split(server["listen"])
        self.configured = {split(server[key]) for key in ("listen", "metrics_listen") if key in server}
        self.files = pathlib.Path(server["certificate"]), pathlib.Path(server["private_key"])

    def serve(self, pair, authority):
        """Renews the certificate as an administrator does: new files, and a signal. Handshakes until it is there;
        connections are never refused meanwhile, so one that fails is an error."""
        for source, target in zip((pair.certificate, pair.key), self.files, strict=True):
            target.write_bytes(source.read_bytes())
        os.kill(self.process, signal.SIGHUP)
        wanted = ssl.PEM_cert_to_DER_cert(pair.certificate.read_text())
        context = ssl.create_default_context(cafile=authority.own.certificate)
        for _ in range(10_000):
            if shown(self.address, context) == wanted:
                return
        raise RuntimeError("the new certificate is not served")


def shown(address, context):
    """The certificate that is served; none if it is not of this scan's authority, as the first one is."""
    with socket.create_connection(address, timeout=30) as plain:
        try:
            with context.wrap_socket(plain, server_hostname="localhost") as connection:
                return connection.getpeercert(binary_form=True)
        except ssl.SSLCertVerificationError:
            return None


def beside():
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            command = (folder / "cmdline").read_text().split("\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(parent) == os.getppid() and "serve" in command:
            return int(folder.name), pathlib.Path(command[command.index("--config") + 1])
    raise RuntimeError("no daemon was started beside this program")


def split(text):
    host, port = text.rsplit(":", 1)
    return str(ipaddress.ip_address(host.strip("[]"))), int(port)
