"""The page in a real Chromium: what it shows, by which rules of access, to whom it speaks, and how it looks.

With OSTIARY_SCREENSHOT set, writes the picture in the documents.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from ostiary.admin.endpoint import Admin
from ostiary.admin.history import POINTS, STEP_SECONDS
from ostiary.admin.page import page as built
from ostiary.admin.plan import ServerAddress

from .browser import CHROMIUM, Page, browser
from .conftest import served
from .gateway import Gateway, busy_gateway, turn

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
    pytest.mark.timeout(120),
]

PICTURE = Path(__file__).parents[2] / "docs" / "images" / "status.png"
SERVERS = (
    ServerAddress("directory", "ldap://dc1.corp.example:389", "127.0.0.1", 1),
    ServerAddress("directory", "ldap://dc2.corp.example:389", "127.0.0.1", 1),
)
DRAWN = "document.querySelectorAll('#identities td').length > 0"
# WCAG 2.1, 1.4.3: text against what is behind it.
CONTRAST_LEAST = 4.5


@pytest.fixture
async def tab() -> AsyncIterator[Page]:
    async with browser() as opened:
        yield opened


def a_morning(admin: Admin, gateway: Gateway) -> None:
    """Five minutes of traffic, with a spike of failed binds."""
    history, begin = admin._history, time.monotonic() - POINTS * STEP_SECONDS
    history._points.clear()
    for step in range(POINTS + 1):
        turn(gateway, 1 + 0.3 * math.sin(step / 11) + 0.13 * math.sin(step * 1.7) + 0.08 * math.sin(step * 5.1))
        if 96 < step < 108:
            gateway.add("bind_failures_total", "ldaps", by=26)
        figures = admin._figures()
        figures.monotonic = begin + step * STEP_SECONDS
        history._read = lambda made=figures: made  # type: ignore[misc]
        history.note()
    history._read = admin._figures
    now = time.time()
    for place, (_, point) in enumerate(list(history._points)):
        history._points[place] = (now - (POINTS - 1 - place) * STEP_SECONDS, point)


async def test_shows_what_happens_and_goes_on_showing_it(tab: Page) -> None:
    gateway = busy_gateway()
    async with served(gateway, servers=SERVERS) as admin:
        await tab.show(1280, 900)
        await tab.open(f"http://{admin.address}/")
        await tab.wait(DRAWN)
        text = await tab.value("document.body.innerText")
        for told in (
            "cn=wiki,ou=services,dc=corp,dc=example", "10.20.4.17", "applications: default", "ldap://dc1.corp.example:389",
            "search", "insufficientAccessRights", "0.0.0.0:636", "malformed_message", "not ready", "days left",
        ):  # fmt: skip
            assert told in text, told
        assert "the client certificate legacy ends in 18 days" in text
        gateway.add("violations_total", "upstream", "unknown_message_id", by=7)
        gateway.workers[0]["tops"]["clients"].append(["198.51.100.7", 999_999])
        await tab.wait("document.body.innerText.includes('198.51.100.7')")
        assert "unknown_message_id" in await tab.value("document.querySelector('#violations').innerText")
        assert tab.problems == []
        assert {urlsplit(each).netloc for each in tab.requests if not each.startswith("data:")} == {admin.address}


async def test_plots_say_what_they_show_and_follow_keys(tab: Page) -> None:
    gateway = busy_gateway()
    async with served(gateway, servers=SERVERS) as admin:
        a_morning(admin, gateway)
        await tab.show(1280, 900)
        await tab.open(f"http://{admin.address}/")
        await tab.wait("document.querySelectorAll('figure path').length > 8")
        label = "document.querySelector('figure svg').getAttribute('aria-label')"
        assert "Operations per second, now: search" in await tab.value(label)
        await tab.value("document.querySelector('figure svg').focus()")
        for _ in range(3):
            await tab.call("Input.dispatchKeyEvent", type="keyDown", key="ArrowLeft")
        assert "Operations per second, at " in await tab.value(label)
        assert await tab.value("document.querySelectorAll('figure .cursor').length") == 1
        seen = "[...document.querySelectorAll('svg')].filter((each) => !each.ariaHidden)"
        assert await tab.value(f"{seen}.every((each) => each.getAttribute('aria-label'))")


async def test_what_clients_send_stays_text(tab: Page) -> None:
    gateway = busy_gateway()
    evil = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
    gateway.workers[0]["tops"]["identities"].append([evil, 10**9])
    gateway.workers[0]["refusals"][0] |= {"client": evil, "rule": evil, "time": time.time()}
    gateway.add("operations_total", "ldaps", "directory", "search", evil, by=10**9)
    async with served(gateway) as admin:
        await tab.open(f"http://{admin.address}/")
        await tab.wait(DRAWN)
        assert evil in await tab.value("document.body.innerText")
        assert await tab.value("document.title") == "Ostiary"
        assert await tab.value("document.querySelectorAll('img').length") == 0


async def test_nothing_else_may_run_or_be_asked(tab: Page) -> None:
    policy = built()[1]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    async with served(busy_gateway()) as admin:
        await tab.open(f"http://{admin.address}/")
        await tab.wait(DRAWN)
        injected = (
            "document.body.append(Object.assign(document.createElement('script'), { textContent: 'window.ran = 1' }))"
        )
        await tab.value(injected)
        assert await tab.value("window.ran ?? 0") == 0
        assert await tab.value("fetch('http://127.0.0.1:9/').then(() => 1, () => 0)") == 0


async def test_asks_for_the_token_and_keeps_it_until_the_tab_is_closed(tab: Page) -> None:
    token = "0123456789abcdef"
    async with served(busy_gateway(), token=token.encode()) as admin:
        await tab.open(f"http://{admin.address}/")
        await tab.wait("!document.querySelector('#ask').hidden")
        assert "cn=wiki" not in await tab.value("document.body.innerText")
        assert await tab.value("document.activeElement.id") == "token"
        await given(tab, "wrong")
        await tab.wait("!document.querySelector('#wrong').hidden")
        await given(tab, token)
        await tab.wait(DRAWN)
        assert await tab.value("document.querySelector('#ask').hidden")
        await tab.call("Page.reload")
        await tab.wait(DRAWN)
        assert await tab.value("localStorage.length + document.cookie.length") == 0
        assert not any(token in each for each in tab.requests)


async def given(tab: Page, token: str) -> None:
    """Types a token, and sends it."""
    await tab.value(f"document.querySelector('#token').value = '{token}'")
    await tab.value("document.querySelector('#ask button').click()")


async def test_says_that_the_gateway_is_gone_and_comes_back(tab: Page) -> None:
    gateway = busy_gateway()
    async with served(gateway) as admin:
        address = admin.address
        await tab.open(f"http://{address}/")
        await tab.wait(DRAWN)
    await tab.wait("!document.querySelector('#lost').hidden")
    assert "No answer since" in await tab.value("document.querySelector('#lost').innerText")
    assert await tab.value("document.querySelector('main').classList.contains('stale')")
    async with served(gateway, port=int(address.rpartition(":")[2])):
        await tab.wait("document.querySelector('#lost').hidden")
        assert not await tab.value("document.querySelector('main').classList.contains('stale')")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_fits_a_phone_and_can_be_read(tab: Page, scheme: str) -> None:
    gateway = busy_gateway()
    async with served(gateway, servers=SERVERS) as admin:
        a_morning(admin, gateway)
        for width, height, is_phone in ((360, 740, True), (1280, 900, False)):
            await tab.show(width, height, phone=is_phone, scheme=scheme)
            await tab.open(f"http://{admin.address}/")
            await tab.wait(DRAWN)
            assert await tab.value("document.documentElement.scrollWidth") == width
            boxes = "[...document.querySelectorAll('section, figure, .tile')]"
            assert await tab.value(f"{boxes}.every((each) => each.scrollWidth <= each.clientWidth + 1)")
            found = await tab.value(f"({CONTRASTS})()")
            assert len(found) > 100
            assert [what for ratio, what in found if ratio < CONTRAST_LEAST] == []
        ground = await tab.value("getComputedStyle(document.body).backgroundColor")
        red = int(ground.removeprefix("rgb(").split(",")[0])
        assert (red > 200) is (scheme == "light")


async def test_picture_for_the_documents(tab: Page, tmp_path: Path) -> None:
    gateway = busy_gateway()
    gateway.workers[1]["refusals"][:1] = [
        {
            "time": time.time() - 3, "client": "192.0.2.44", "listener": "ldaps", "operation": "bind",
            "plugin": "guesses", "rule": "lockout_pair", "mode": "enforce", "code": "invalidCredentials",
        },
        {
            "time": time.time() - 9, "client": "10.20.4.18", "listener": "ldaps", "operation": "search",
            "plugin": "tomorrow", "rule": "payroll", "mode": "monitor", "code": "insufficientAccessRights",
        },
    ]  # fmt: skip
    async with served(gateway, servers=SERVERS) as admin:
        prober = admin._prober
        await prober.stop()
        for state, seconds in zip(prober.states, (0.0006, 0.0009), strict=True):
            state.is_up, state.error, state.since, state.connect_seconds = True, "", time.time() - 5 * 86_400, seconds
        admin._started = time.time() - 5 * 86_400 - 7_300
        a_morning(admin, gateway)
        await tab.show(1280, 1500)
        await tab.open(f"http://{admin.address}/")
        await tab.wait(DRAWN)
        turn(gateway)
        await tab.wait("/[1-9]/.test(document.querySelector('#identities td.number').innerText)")
        path = PICTURE if os.environ.get("OSTIARY_SCREENSHOT") else tmp_path / "status.png"
        await tab.picture(path)
        assert path.read_bytes().startswith(b"\x89PNG")
        assert path.stat().st_size > 50_000


# For every text that is seen: its contrast, and itself. Colors without alpha only, which is all that the style has.
CONTRASTS = """() => {
  const parts = (color) => color.match(/[\\d.]+/g).map(Number);
  const bright = (color) => {
    const [r, g, b] = parts(color).slice(0, 3).map((part) => part / 255)
      .map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (node) => {
    for (let each = node; each; each = each.parentElement) {
      const color = getComputedStyle(each).backgroundColor;
      if ((parts(color)[3] ?? 1) > 0) return color;
    }
    return 'rgb(255, 255, 255)';
  };
  const found = [];
  for (const node of document.querySelectorAll('body *')) {
    const own = [...node.childNodes].some((each) => each.nodeType === 3 && each.textContent.trim());
    if (!own || !node.getClientRects().length) continue;
    const style = getComputedStyle(node);
    const [one, other] = [bright(node instanceof SVGElement ? style.fill : style.color), bright(behind(node))];
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    found.push([ratio, node.tagName + ' ' + node.className + ': ' + node.textContent.slice(0, 40)]);
  }
  return found;
}"""


def test_document_is_whole_and_asks_nobody_else() -> None:
    document: Any = built()[0].decode()
    assert "style.css */" not in document
    assert "script.js */" not in document
    for outside in ("https://", "//cdn", "@import", "url("):
        assert outside not in document
    assert document.count("http://") == document.count("http://www.w3.org/2000/svg")
