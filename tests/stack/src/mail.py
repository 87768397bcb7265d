"""Keeps each mail as a line of JSON. Arguments: certificate, key, mailbox, port. Prints a line when ready."""

import json
import ssl
import sys
import threading

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

certificate, key, mailbox, port = sys.argv[1:5]


class Keep:
    async def handle_DATA(self, server, session, envelope):
        mail = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "data": envelope.content.decode("utf-8", "replace"),
        }
        with open(mailbox, "a", encoding="utf-8") as file:
            file.write(json.dumps(mail) + "\n")
        return "250 kept"


class Server(Controller):
    def factory(self):
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate, key)
        return SMTP(self.handler, tls_context=context, require_starttls=True)


server = Server(Keep(), hostname="127.0.0.1", port=int(port))
server.start()
print("ready", flush=True)
threading.Event().wait()
