"""sslyze's results, each held against what we promise."""

import pathlib
import warnings

# Of the public authorities' lists that it brings: one of their certificates has an odd serial number.
warnings.filterwarnings("ignore", message="Parsed a serial number")

from sslyze import (
    CertificateInfoExtraArgument,
    ScanCommand,
    ScanCommandAttemptStatusEnum,
    ScanCommandsExtraArguments,
    Scanner,
    ServerNetworkLocation,
    ServerScanRequest,
    ServerScanStatusEnum,
    TlsResumptionSupportEnum,
)
from sslyze.mozilla_tls_profile.tls_config_checker import (
    MozillaTlsConfiguration,
    ServerNotCompliantWithTlsConfiguration,
    ServerScanResultIncomplete,
    TlsConfigurationEnum,
    check_server_against_tls_configuration,
)
from sslyze.plugins.robot.implementation import RobotScanResultEnum

VERSIONS = {
    "SSL 2.0": ScanCommand.SSL_2_0_CIPHER_SUITES,
    "SSL 3.0": ScanCommand.SSL_3_0_CIPHER_SUITES,
    "TLS 1.0": ScanCommand.TLS_1_0_CIPHER_SUITES,
    "TLS 1.1": ScanCommand.TLS_1_1_CIPHER_SUITES,
    "TLS 1.2": ScanCommand.TLS_1_2_CIPHER_SUITES,
    "TLS 1.3": ScanCommand.TLS_1_3_CIPHER_SUITES,
}
OFFERED = {"TLS 1.2", "TLS 1.3"}
AUTHENTICATED = ("_GCM_SHA256", "_GCM_SHA384", "_CHACHA20_POLY1305_SHA256")
CURVES = {"X25519", "secp256r1", "secp384r1"}
ROBOT_ABSENT = {RobotScanResultEnum.NOT_VULNERABLE_RSA_NOT_SUPPORTED, RobotScanResultEnum.NOT_VULNERABLE_NO_ORACLE}
YEAR_SECONDS = 31_536_000


def scan(address, trusted, connections=None):
    """The checks by name, each with what it found, and what was seen. A server that serves one connection at a
    time is asked over one."""
    host, port = address
    request = ServerScanRequest(
        server_location=ServerNetworkLocation(hostname="localhost", port=port, ip_address=host),
        scan_commands=set(ScanCommand),
        scan_commands_extra_arguments=ScanCommandsExtraArguments(
            certificate_info=CertificateInfoExtraArgument(custom_ca_file=pathlib.Path(trusted))))
    scanner = Scanner(per_server_concurrent_connections_limit=connections)
    scanner.queue_scans([request])
    (result,) = scanner.get_results()
    if result.scan_status is not ServerScanStatusEnum.COMPLETED:
        return {"complete": [f"there was no scan: {result.connectivity_error_trace}"]}, {}
    done = {}
    missing = []
    for command in ScanCommand:
        attempt = getattr(result.scan_result, command.value)
        if attempt.status is ScanCommandAttemptStatusEnum.COMPLETED:
            done[command] = attempt.result
        else:
            missing.append(f"{command.value}: {attempt.status.value} {attempt.error_reason}")
    checks = {"complete": missing, "Mozilla's intermediate": mozilla(result)}
    for name, needs, judge in JUDGES:
        lacking = [command.value for command in needs if command not in done]
        checks[name] = [f"{command} was not scanned" for command in lacking] or judge(done)
    return checks, seen(done)


def accepted(done):
    for version, command in VERSIONS.items():
        for suite in done[command].accepted_cipher_suites if command in done else ():
            yield version, suite


def seen(done):
    """What is offered, for people to read."""
    offered = {}
    for version, suite in accepted(done):
        offered.setdefault(version, []).append(suite.cipher_suite.name)
    curves = done[ScanCommand.ELLIPTIC_CURVES].supported_curves if ScanCommand.ELLIPTIC_CURVES in done else None
    return {**offered, "curves": [curve.name for curve in curves or ()]}


def versions(done):
    spoken = {name for name, command in VERSIONS.items() if done[command].is_tls_version_supported}
    return [f"{name} is spoken" for name in sorted(spoken - OFFERED)] + \
        [f"{name} is not spoken" for name in sorted(OFFERED - spoken)]


def suites(done):
    return [f"{version}: {suite.cipher_suite.name}" for version, suite in accepted(done)
            if suite.ephemeral_key is None or suite.cipher_suite.is_anonymous
            or not suite.cipher_suite.name.endswith(AUTHENTICATED)]


def curves(done):
    names = {curve.name for curve in done[ScanCommand.ELLIPTIC_CURVES].supported_curves or ()}
    return sorted(names - CURVES) or ([] if names else ["none was found"])


def attacks(done):
    renegotiation = done[ScanCommand.SESSION_RENEGOTIATION]
    found = {
        "Heartbleed": done[ScanCommand.HEARTBLEED].is_vulnerable_to_heartbleed,
        "ROBOT": done[ScanCommand.ROBOT].robot_result not in ROBOT_ABSENT,
        "CCS injection": done[ScanCommand.OPENSSL_CCS_INJECTION].is_vulnerable_to_ccs_injection,
        "compression": done[ScanCommand.TLS_COMPRESSION].supports_compression,
        "no fallback signal": not done[ScanCommand.TLS_FALLBACK_SCSV].supports_fallback_scsv,
        "insecure renegotiation": not renegotiation.supports_secure_renegotiation,
        "renegotiation at a client's wish": renegotiation.is_vulnerable_to_client_renegotiation_dos,
        "no extended master secret": not done[ScanCommand.TLS_EXTENDED_MASTER_SECRET].supports_ems_extension,
        "early data, which can be replayed": done[ScanCommand.TLS_1_3_EARLY_DATA].supports_early_data,
    }
    return [name for name, is_there in found.items() if is_there]


def resumption(done):
    """By a number of the server's own memory it is sound. A ticket of TLS 1.2 is sealed by a key that opens
    every session of its time."""
    tickets = done[ScanCommand.SESSION_RESUMPTION].tls_ticket_resumption_result
    return [] if tickets is TlsResumptionSupportEnum.NOT_SUPPORTED else [f"tickets of TLS 1.2: {tickets.value}"]


def strict_transport(done):
    header = done[ScanCommand.HTTP_HEADERS].strict_transport_security_header
    if header is None:
        return ["there is no such header"]
    covers = (header.max_age or 0) >= YEAR_SECONDS and header.include_subdomains
    return [] if covers else [f"it covers {header.max_age} seconds, sub-domains: {header.include_subdomains}"]


def mozilla(result):
    intermediate = MozillaTlsConfiguration.get(TlsConfigurationEnum.MOZILLA_INTERMEDIATE)
    try:
        check_server_against_tls_configuration(result, intermediate)
    except ServerNotCompliantWithTlsConfiguration as error:
        return [f"{name}: {what}" for name, what in error.issues.items()]
    except ServerScanResultIncomplete as error:
        return [f"not compared: {error}"]
    return []


JUDGES = (
    ("versions", tuple(VERSIONS.values()), versions),
    ("suites", tuple(VERSIONS.values()), suites),
    ("curves", (ScanCommand.ELLIPTIC_CURVES,), curves),
    ("attacks", (
        ScanCommand.HEARTBLEED, ScanCommand.ROBOT, ScanCommand.OPENSSL_CCS_INJECTION, ScanCommand.TLS_COMPRESSION,
        ScanCommand.TLS_FALLBACK_SCSV, ScanCommand.SESSION_RENEGOTIATION, ScanCommand.TLS_EXTENDED_MASTER_SECRET,
        ScanCommand.TLS_1_3_EARLY_DATA), attacks),
    ("resumption", (ScanCommand.SESSION_RESUMPTION,), resumption),
    ("strict transport", (ScanCommand.HTTP_HEADERS,), strict_transport),
)
