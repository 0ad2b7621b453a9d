"""How one server is reached over HTTP, and what may go wrong on the way as failures by kind."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import TYPE_CHECKING, Any

from preceptor.errors import EndpointRefused, shorten
from preceptor.systems.wire import Answered, Transient, proxy_for

if TYPE_CHECKING:
    import aiohttp

    from preceptor.systems.http1 import Connections

__all__ = ["Client"]


class Client:
    """Posts calls on connections of our own (`http1`), and does anything else with aiohttp.

    Calls behind a proxy, or to a host whose name needs encoding, go through aiohttp too.

    Parameters
    ----------
    headers
        What goes with every request, the key included.
    timeout
        Of a call as a whole, in seconds.
    say
        Words → a message that names the server and not the key.
    """

    def __init__(
        self, base_url: str, headers: Mapping[str, str], timeout: float, say: Callable[[str], str]
    ) -> None:
        self._base_url, self._headers = base_url, dict(headers)
        self._timeout, self._say = timeout, say
        self._connections: Connections | None = None
        self._session: aiohttp.ClientSession | None = None
        self._proxy: str | None = None
        self._begun = False

    async def close(self) -> None:
        if self._connections is not None:
            await self._connections.close()
        if self._session is not None:
            await self._session.close()
        self._connections = self._session = None
        self._begun = False

    def post(self, path: str, body: bytes) -> contextlib.AbstractAsyncContextManager[Answered]:
        """One call, whatever its status.

        Raises
        ------
        Transient, EndpointRefused
            It could not be made, or its response not be read: the block raises them, too.
        """
        if not self._begun:
            self._begin()
        if self._connections is None:
            return self.request("POST", path, data=body)
        return self._connections.post(path, body)

    @contextlib.asynccontextmanager
    async def request(
        self, method: str, path: str, **more: Any
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Any request; ``more`` is aiohttp's. Raises as :meth:`post` does."""
        import aiohttp

        session = self._opened()
        whole = {"allow_redirects": False, "proxy": self._proxy, **more}
        try:
            async with session.request(method, self._base_url + path, **whole) as response:
                yield response
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            words = str(error) or "no connection within 30 s"
            raise Transient("connection", words, unreached=True) from None
        except TimeoutError:
            raise Transient("timeout", f"no answer within {self._timeout:g} s") from None
        except (aiohttp.InvalidURL, UnicodeError):
            raise EndpointRefused("refused", self._say("not a URL")) from None
        except aiohttp.ClientResponseError as error:  # its message may quote what was sent
            words = f"not HTTP that can be read: {error.message.partition(':')[0]}"
            raise Transient("malformed", shorten(words, 200)) from None
        except (aiohttp.ClientError, OSError) as error:
            raise Transient("connection", str(error) or type(error).__name__) from None

    def _begin(self) -> None:
        """Decide the way. Raises EndpointRefused where the key can be in no header."""
        from preceptor.systems.http1 import Connections, serves

        if not all(value.isprintable() for value in self._headers.values()):
            words = "the key holds a line break or control character: set it anew"
            raise EndpointRefused("refused", self._say(words))
        self._headers = {
            "Content-Type": "application/json",
            "Accept-Encoding": "identity",
            **self._headers,
        }
        self._proxy = proxy_for(self._base_url)
        if self._proxy is None and serves(self._base_url):
            self._connections = Connections(self._base_url, self._headers, self._timeout)
        self._begun = True

    def _opened(self) -> aiohttp.ClientSession:
        import aiohttp

        if not self._begun:
            self._begin()
        if self._session is None:
            # aiohttp's own `trust_env` looks for a proxy and into ~/.netrc, whose password would
            # take our key's place, in another thread before each request.
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=300),
                timeout=aiohttp.ClientTimeout(total=self._timeout, sock_connect=30),
                headers=self._headers,
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session
