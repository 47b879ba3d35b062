# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""An authority of a test's own, and the certificates that it gives to servers."""

import datetime
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)


def write(path, *things):
    with open(path, "wb") as f:
        f.writelines(things)
    return path


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


def general_name(host):
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


class Authority:
    def __init__(self, world, name="authority"):
        self.world = world
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.file = write(world.path(name) + ".pem",
                          pem(self.sign(self.name, self.key, (-DAY, DAY), [
                              x509.BasicConstraints(ca=True, path_length=None)])))

    def sign(self, subject, key, valid, extensions):
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(self.name)
                   .public_key(key.public_key()).serial_number(x509.random_serial_number())
                   .not_valid_before(now + valid[0]).not_valid_after(now + valid[1]))
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def certificate(self, name, hosts, valid=(-DAY, DAY), key=None):
        """For HOSTS, names and addresses; returns the paths of the certificate and its key, which is
        KEY or a new one on P-256."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])])
        names = x509.SubjectAlternativeName([general_name(host) for host in hosts])
        private = key.private_bytes(serialization.Encoding.PEM,
                                    serialization.PrivateFormat.PKCS8,
                                    serialization.NoEncryption())
        path = self.world.path(name)
        return (write(path + ".crt", pem(self.sign(subject, key, valid, [names]))),
                write(path + ".key", private))
