"""A program of its own that makes or reads a certificate, run by certificates.py for a moment.

The library that can do it takes 20 MB of memory, which the daemon would keep for ever. It reads a
JSON object from standard input and writes one to standard output: {"do": "make", "names": [...],
"addresses": [...]} answers {"pem"}; {"do": "read", "pem"} answers what the certificate says, or
{"error": a sentence}. It imports nothing of btrmd.
"""

from __future__ import annotations

import ipaddress
import json
import sys
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# A unit without a clock battery may start in 1970, and nobody comes to renew at a remote site.
NOT_BEFORE = datetime(2024, 1, 1, tzinfo=UTC)
NOT_AFTER = datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC)
LEAST_RSA_BITS = 2048
CURVES = ("secp256r1", "secp384r1", "secp521r1")


def make(names: list[str], addresses: list[str]) -> dict[str, Any]:
    """A self-signed ECDSA P-256 certificate and its key, for DNS `names` and IP `addresses`."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64]),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "btrmd, made by the unit itself"),
        ]
    )
    alternatives: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
    alternatives += [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=False, crl_sign=False,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOT_BEFORE)
        .not_valid_after(NOT_AFTER)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    text = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return {"pem": (text + made.public_bytes(serialization.Encoding.PEM)).decode("ascii")}


def read(pem: str) -> dict[str, Any]:
    """What the first certificate of `pem` says; `error` when it is of no use to a browser."""
    try:
        found = x509.load_pem_x509_certificate(pem.encode())
    except ValueError:
        return {"error": "The certificate is refused: allowed is PEM, beginning with this unit's."}
    try:
        kind = _kind(found.public_key())
    except ValueError as error:
        return {"error": str(error)}
    names: list[str] = []
    try:
        extension = found.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        names += extension.value.get_values_for_type(x509.DNSName)
        names += map(str, extension.value.get_values_for_type(x509.IPAddress))
    except x509.ExtensionNotFound:
        pass
    return {
        "subject": found.subject.rfc4514_string(),
        "issuer": found.issuer.rfc4514_string(),
        "names": names,
        "not_before": found.not_valid_before_utc.timestamp(),
        "not_after": found.not_valid_after_utc.timestamp(),
        "key": kind,
        "fingerprint": found.fingerprint(hashes.SHA256()).hex(":").upper(),
        "is_self_signed": found.subject == found.issuer,
    }


def _kind(key: Any) -> str:
    """The key in words. Raises ValueError for one that is too weak or that browsers refuse."""
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < LEAST_RSA_BITS:
            raise ValueError(
                f"The certificate's RSA key of {key.key_size} bits is refused: "
                f"allowed are {LEAST_RSA_BITS} bits and more."
            )
        return f"RSA, {key.key_size} bits"
    if isinstance(key, ec.EllipticCurvePublicKey):
        if key.curve.name not in CURVES:
            raise ValueError(
                f"The certificate's curve {key.curve.name} is refused: "
                f"allowed are {', '.join(CURVES)}."
            )
        return f"ECDSA, {key.curve.name}"
    if isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
        raise ValueError("The certificate's Edwards key is refused: allowed are ECDSA and RSA.")
    raise ValueError("The certificate's kind of key is refused: allowed are ECDSA and RSA.")


def main() -> None:
    """One question, one answer."""
    asked = json.load(sys.stdin)
    if asked["do"] == "make":
        answer = make(asked["names"], asked["addresses"])
    else:
        answer = read(asked["pem"])
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
