"""The HTTPS page: which certificate is shown, a new one, one's own, and what plain HTTP does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flask import Response, request

from btrmd.model.errors import BtrmError, sentence_of
from btrmd.model.snapshot import Snapshot

from .certificates import MAX_PEM
from .form_page import NOTHING_TYPED, FormPage, Spec
from .form_panels import listener_row
from .form_sections import page_keys
from .form_submit import kept_names
from .pages import Pages, see_other
from .roles import Role
from .routes import Route, RouteAccess
from .services import Services
from .wording import format_time

PATH: Final = "/https"
NOTE_KEY: Final = "web.certificate"
SOON_S: Final = 30 * 86400.0  # an end of validity this near is worth a word
DONE: Final = {
    "installed": "The certificate is installed. New connections are greeted with it.",
    "renewed": "A new certificate has been made. New connections are greeted with it; browsers "
    "will ask once more whether to trust it.",
}


def https_panel(services: Services, snapshot: Snapshot) -> Mapping[str, object]:
    """The listeners and the certificate in words."""
    kept = services.certificates
    facts = kept.facts() if kept is not None else None
    rows: list[tuple[str, str]] = []
    warning = ""
    if facts is not None:
        made = "this unit itself" if facts.is_self_signed else facts.issuer
        rows = [
            ("For", ", ".join(facts.names) or facts.subject),
            ("Issued by", made),
            ("Valid until", format_time(facts.not_after)),
            ("Key", facts.key),
            ("SHA-256 fingerprint", facts.fingerprint),
        ]
        if snapshot.at > facts.not_after:
            warning = "The certificate has expired: browsers refuse it."
        elif snapshot.at > facts.not_after - SOON_S:
            warning = "The certificate expires within 30 days."
        elif snapshot.at < facts.not_before:
            warning = "The certificate is not valid yet, or this unit's clock is wrong."
    return {
        "listeners": [listener_row(name, services.bus) for name in ("http", "https")],
        "certificate": rows,
        "warning": warning,
        "is_secure": request.is_secure,
        "can_keep": kept is not None,
        "done": DONE.get(request.args.get("done", ""), ""),
        "max_kb": MAX_PEM // 1024,
    }


class HttpsPage(FormPage):
    """The form page with two actions more."""

    def install(self) -> Response:
        kept = self._services.certificates
        if kept is None:
            return self._refuse("This unit cannot keep a certificate.", 409)
        texts = []
        for name in ("certificate", "key"):
            file = request.files.get(name)
            data = file.read(MAX_PEM + 1) if file is not None else b""
            texts.append(data.decode("ascii", "replace"))
        try:
            facts = kept.install(*texts)
        except BtrmError as error:
            return self._refuse(str(error), 422)
        except OSError as error:
            return self._refuse(f"The certificate could not be stored: {sentence_of(error)}", 503)
        who = ", ".join(facts.names) or facts.subject
        self._services.note(NOTE_KEY, f"A certificate for {who[:200]} was installed.")
        return see_other(f"{PATH}?done=installed")

    def renew(self) -> Response:
        kept = self._services.certificates
        if kept is None:
            return self._refuse("This unit cannot keep a certificate.", 409)
        try:
            kept.renew()
        except (BtrmError, OSError) as error:
            return self._refuse(str(error), 503)
        self._services.note(NOTE_KEY, "A new certificate of the unit's own was made.")
        return see_other(f"{PATH}?done=renewed")

    def download(self) -> Response:
        kept = self._services.certificates
        pem = kept.public_pem() if kept is not None else ""
        if not pem:
            return self._refuse("There is no certificate yet.", 404)
        headers = {"Content-Disposition": 'attachment; filename="btrmd.crt"'}
        return Response(pem, mimetype="application/x-x509-ca-cert", headers=headers)

    def _refuse(self, text: str, status: int) -> Response:
        return Response(self._render(NOTHING_TYPED, alert=text), status)


def https_routes(pages: Pages) -> list[Route]:
    """The page, its settings and its certificate."""
    page = HttpsPage(pages, Spec(PATH, "HTTPS", "https.html", https_panel))
    own, admin = RouteAccess.OWN, Role.ADMIN
    keeps = kept_names(page_keys("HTTPS"))
    return [
        Route("GET", PATH, page.show, RouteAccess.PAGE),
        Route("POST", PATH, page.save, RouteAccess.CHANGE, role=admin, keeps=keeps),
        Route("GET", f"{PATH}/btrmd.crt", page.download, RouteAccess.PAGE),
        Route("POST", f"{PATH}/certificate", page.install, own, role=admin),
        Route("POST", f"{PATH}/renew", page.renew, own, role=admin),
    ]
