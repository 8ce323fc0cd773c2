"""Certificates of the tests' own."""

import os
import subprocess


def certificates(folder):
    """A test CA and a certificate for localhost by the openssl command line."""
    path = lambda name: os.path.join(folder, name)
    run = lambda *a: subprocess.run(["openssl", *a], check=True, capture_output=True)
    run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test CA", "-keyout", path("ca.key"), "-out", path("ca.pem"))
    run("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout", path("key.pem"), "-out", path("csr.pem"))
    open(path("ext"), "w").write("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    run("x509", "-req", "-in", path("csr.pem"), "-CA", path("ca.pem"), "-CAkey", path("ca.key"), "-CAcreateserial", "-days", "2",
        "-extfile", path("ext"), "-out", path("cert.pem"))
    return path("ca.pem"), path("key.pem"), path("cert.pem")
