"""Recognise lines that belong to the web page around an article, in German and English."""

from __future__ import annotations

import re

_LONGEST = 300
_COUNT = r"[\s:·|–-]*[(\[]?\d*[)\]]?\s*[:.!?…»>→]*"

_SHARE = (
    "teilen|tweeten|twittern|merken|drucken|pinnen|weiterleiten|versenden|empfehlen|kopieren|share|tweet|pin|"
    "print|save|e-?mail|copy|like|gefällt mir|facebook|twitter|whatsapp|telegram|linkedin|xing|reddit|"
    "pinterest|pocket|flipboard|messenger|threads|bluesky|mastodon|instagram|youtube"
)
_JOINT = (
    "artikel|beitrag|seite|diesen?|auf|per|via|bei|in|mit|und|oder|this|article|story|on|by|to|and|link|url|x"
)

_PHRASES = {
    "comment_form": r"""
        (?:(?:jetzt|neuen|einen|ersten) )*kommentare? (?:schreiben|verfassen|abgeben|hinterlassen|hinzufügen)
        kommentare? (?:anzeigen|absenden|einblenden|ausblenden|lesen)
        (?:(?:ihre?|deine?|eine|auf) )?antwort(?:en)?(?: (?:schreiben|verfassen|abbrechen|anzeigen))?
        schreiben? (?:sie )?(?:einen|den ersten) kommentar
        (?:ihr|dein) kommentar
        (?:alle )?kommentare
        zur diskussion|diskussion (?:öffnen|beitreten)|mitdiskutieren|zum forum
        (?:write|post|leave|add|submit) (?:(?:an?|your|the) )?(?:comment|reply)(?: below)?
        (?:view|show|hide|read|join) (?:(?:all|the|\d+) )*(?:comments?|repl(?:y|ies)|conversation|discussion)
        (?:(?:your|cancel) )?repl(?:y|ies)
        your comment|comments|be the first to comment
        your e-?mail address will not be published\b.*
        (?:ihre|deine) e-?mail-?adresse wird nicht veröffentlicht\b.*
        """,
    "share_bar": rf"""
        (?=.*?\b(?:{_SHARE})\b)(?:\b(?:{_SHARE}|{_JOINT})\b[\s,|/·•&+:-]*){{1,14}}
        """,
    "read_also": r"""
        (?:lesen|sehen|hören) sie (?:auch|dazu|mehr|hier|weiter)\b.*
        (?:lies|sieh) (?:auch|dazu)\b.*
        (?:auch interessant|mehr dazu|mehr zum thema|passend dazu|mehr aus)\b(?:\s*[:|–-].*)?
        das könnte (?:sie|dich) auch interessieren\b(?:\s*[:|–-].*)?
        (?:weiterlesen|mehr lesen|mehr erfahren|ähnliche artikel|verwandte (?:artikel|themen)|meistgelesen)
        (?:read|see|watch|listen) (?:also|more|next|on)\b(?:\s*[:|–-].*)?
        also read\b.*
        related(?: (?:articles?|stories|content|topics|posts))?(?:\s*[:|–-].*)?
        more (?:on this(?: story)?|from\b.*)(?:\s*[:|–-].*)?
        you (?:may|might) also like|recommended for you|most (?:read|popular)
        continue reading|trending now|up next
        """,
    "cookie_notice": r"""
        wir (?:verwenden|nutzen|setzen)\b.*\bcookies?\b.*
        (?:diese|unsere) (?:webseite|website|seite) (?:verwendet|nutzt|setzt)\b.*\bcookies?\b.*
        (?:we|this (?:web)?site|our (?:web)?site) uses?\b.*\bcookies?\b.*
        (?:alle )?cookies? (?:akzeptieren|ablehnen|zulassen|verwalten)|alle akzeptieren
        (?:accept|reject|manage|allow) (?:all )?cookies?|accept all
        cookie-?\s?(?:einstellungen|settings|hinweis|notice|policy|richtlinie)
        by (?:continuing|using)\b.*\bcookies?\b.*|mit der nutzung\b.*\bcookies?\b.*
        """,
    "advertisement": r"""
        anzeige|werbung|advertisement|sponsored(?: content)?|gesponsert
        (?:artikel )?nach der (?:anzeige|werbung) weiterlesen
        (?:story|article) continues below(?: advertisement)?
        """,
    "navigation": r"""
        (?:zurück )?(?:zur startseite|nach oben|zum (?:seiten)?anfang)|startseite|impressum|kontakt|agb
        datenschutz(?:erklärung)?|nutzungsbedingungen
        back to (?:top|home)|home(?:page)?|skip to (?:main )?content|contact(?: us)?
        terms of (?:use|service)|privacy policy
        (?:an|ab)melden|einloggen|registrieren|log\s?in|sign (?:in|up)
        subscribe(?: now)?|(?:jetzt )?abonnieren
        (?:(?:den|zum|our) )?newsletter(?: (?:abonnieren|bestellen|anmelden))?
        (?:sign up for|subscribe to) (?:our|the) newsletter
        """,
}


def _compiled(phrases: str) -> re.Pattern[str]:
    """Compile phrases, one a line: a space stands for any white space, a number may follow."""
    lines = [line.strip().replace(" ", r"\s+") for line in phrases.strip().splitlines()]
    return re.compile(rf"\W*(?:{'|'.join(lines)}){_COUNT}", re.IGNORECASE | re.DOTALL)


_REASONS = {reason: _compiled(phrases) for reason, phrases in _PHRASES.items()}


def residue_reason(line: str) -> str | None:
    """Return what a line is residue of, or None if it belongs to the article.

    The whole line must be such a phrase, with a count at most (»Comments (12)«): an article that speaks
    of comments or cookies stays whole.
    """
    if len(line) > _LONGEST:
        return None
    return next((reason for reason, pattern in _REASONS.items() if pattern.fullmatch(line)), None)
