"""Creates a container in the emulator of Azure Blob Storage on this machine.

    python .ci/azure_container.py NAME
"""

import base64
import email.utils
import hashlib
import hmac
import http.client
import sys

# The well-known account of the emulator.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

name = sys.argv[1]
headers = {"x-ms-date": email.utils.formatdate(usegmt=True), "x-ms-version": "2021-08-06"}
canonical = "".join(f"{key}:{value}\n" for key, value in sorted(headers.items()))
text = "PUT" + "\n" * 12 + canonical + f"/{ACCOUNT}/{ACCOUNT}/{name}\nrestype:container"
digest = hmac.new(base64.b64decode(KEY), text.encode(), hashlib.sha256).digest()
headers["Authorization"] = f"SharedKey {ACCOUNT}:{base64.b64encode(digest).decode()}"
connection = http.client.HTTPConnection("127.0.0.1", 10000)
connection.request("PUT", f"/{ACCOUNT}/{name}?restype=container", headers=headers)
answer = connection.getresponse()
if answer.status not in (201, 409):  # 409: it exists
    sys.exit(f"{answer.status}: {answer.read().decode()}")
