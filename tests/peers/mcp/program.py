"""The official Python client as a program that asks to be let in: `program.py URL CLIENT_ID REDIRECT`.

It writes JSON lines: first the address that a person opens, then, once the address that the browser came back to stands on
its input, what it was told. After that each line of input is one thing to do: `renew` or `call`. Once it is shut out it writes
an address to open again, and waits.
"""

import asyncio
import json
import os
import ssl
import sys
from urllib.parse import parse_qs, urlsplit

import httpx2
from mcp import Client
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata


class Kept:
    """Tokens and the client id that an administrator gave."""

    def __init__(self, client):
        self.client = client
        self.tokens = None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client_info):
        raise AssertionError("nobody registers here")


def tell(**what):
    print(json.dumps(what), flush=True)


async def told():
    return (await asyncio.to_thread(sys.stdin.readline)).strip()


async def main(url, client_id, redirect):
    about = {"redirect_uris": [redirect], "token_endpoint_auth_method": "none"}
    kept = Kept(OAuthClientInformationFull(client_id=client_id, **about))

    async def open_browser(address):
        tell(authorize=address)

    async def come_back():
        query = parse_qs(urlsplit(await told()).query)
        return AuthorizationCodeResult(**{name: query[name][0] for name in ("code", "state", "iss") if name in query})

    auth = OAuthClientProvider(url, OAuthClientMetadata(client_name="Python", **about), kept, open_browser, come_back)
    trusted = ssl.create_default_context(cafile=os.environ["CA_FILE"])
    async with httpx2.AsyncClient(auth=auth, verify=trusted) as http:
        async with Client(streamable_http_client(url, http_client=http)) as client:
            tools = await client.list_tools()
            answer = await client.call_tool("rep_load", {})
            tell(
                protocol=client.session.protocol_version,
                tools=[tool.name for tool in tools.tools],
                answer=answer.structured_content,
            )
            while word := await told():
                if word == "renew":
                    before = kept.tokens.refresh_token
                    auth.context.token_expiry_time = 1
                    await client.call_tool("rep_load", {})
                    tell(renewed=kept.tokens.refresh_token != before)
                else:
                    await client.call_tool("rep_load", {})
                    tell(called=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
