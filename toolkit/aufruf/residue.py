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
        (?:du musst|sie müssen) .*(?:angemeldet|eingeloggt|registriert|anmelden|einloggen)\b.*\bkommentar.*
        (?:bitte )?(?:melden sie sich|melde dich) an\b.*\bkommentar.*
        (?:you must be|please) (?:logged|log|signed|sign) in\b.*\b(?:comment|reply).*
        (?:die )?kommentarfunktion (?:ist|wurde)\b.*
        comments (?:are|have been) (?:closed|disabled|turned off)\b.*
        erforderliche felder sind\b.*|required fields are marked\b.*
        """,
    "share_bar": rf"""
        (?:folgen? (?:sie )?uns|follow us|like us|find us|besuchen sie uns) (?:auf|bei|on)\b.*
        (?=.*?\b(?:{_SHARE})\b)(?:\b(?:{_SHARE}|{_JOINT})\b[\s,|/·•&+:-]*){{1,14}}
        """,
    "read_also": r"""
        (?:lesen|sehen|hören) sie (?:auch|dazu|mehr|hier|weiter)\b.*
        (?:lies|sieh) (?:auch|dazu)\b.*
        (?:auch interessant|mehr dazu|mehr zum thema|passend dazu|mehr aus)\b(?:\s*[:|–-].*)?
        (?:das|dies|diese).{0,30} könnten? (?:sie|dich|euch) (?:auch )?interessieren\b(?:\s*[:|–-].*)?
        (?:mehr|weitere) (?:artikel|beiträge|nachrichten|meldungen)(?: (?:zu|unter|auf|aus)\b.*)?
        (?:mehr|weitere) (?:infos|informationen)(?: (?:zu|unter|auf)\b.*)?
        (?:\.\.\.|…) weiter zu\b.*|(?:hier|jetzt) weiterlesen|zum artikel|zur übersicht|alle artikel\b.*
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
    "newsletter": r"""
        (?:(?:den|zum|our) )?newsletter(?: (?:abonnieren|bestellen|anmelden))?
        (?:melden sie sich|melde dich|jetzt|hier).* newsletter\b.*(?:an|anmelden|abonnieren)
        (?:abonnieren sie|abonniere|bestellen sie|erhalten sie|sie möchten)\b.*\bnewsletter\b.*
        (?:bleiben sie|bleib|immer) auf dem laufenden\b.*
        mit der anmeldung\b.*\b(?:datenschutz|zu|einverstanden)\b.*
        (?:ihre|deine) e-?mail-?adresse|enter your e-?mail(?: address)?|e-?mail-?address
        (?:get|receive|have) .*\b(?:in|to|into) your inbox\b.*
        (?:sign up|subscribe)\b.*\b(?:newsletter|e-?mails?|inbox|updates)\b.*
        (?:do you )?want to (?:be informed|receive|get|stay)\b.*\b(?:sign up|subscribe)\b.*
        by (?:signing up|subscribing|clicking)\b.*\b(?:agree|privacy)\b.*
        """,
    "paywall": r"""
        (?:sie haben|du hast) (?:bereits|schon) ein.*\b(?:abo|abonnement|konto)\b.*
        already (?:a )?(?:subscriber|member)\b.*
        (?:this article|this story) is (?:for|available to) subscribers\b.*
        (?:weiterlesen|jetzt (?:testen|lesen|weiterlesen)) mit\b.*
        (?:dieser artikel|der artikel) ist (?:kostenpflichtig|für abonnenten)\b.*
        subscribe to (?:continue|keep|read)\b.*|jetzt (?:kostenlos |gratis )?(?:testen|anmelden|registrieren)
        """,
    "embed": r"""
        (?:empfohlener )?(?:redaktioneller|externer) inhalt|an dieser stelle finden sie\b.*
        ich bin (?:damit )?einverstanden, dass mir externe inhalte\b.*|externe inhalte (?:anzeigen|laden)
        (?:bitte )?aktivieren sie javascript\b.*
        (?:please )?enable javascript\b.*|javascript is (?:required|disabled)\b.*
        (?:this|the) (?:content|video|post) (?:is not available|cannot be|could not be)\b[^,.]{0,60}
        (?:dieses|das) video (?:ist nicht verfügbar|kann nicht)\b[^,.]{0,60}
        """,
    "page_notice": r"""
        zuletzt (?:aktualisiert|geändert)\b.{0,60}|letzte (?:änderung|aktualisierung)\b.{0,60}
        last (?:updated?|modified)\b.{0,60}
        (?:veröffentlicht|erstellt|published|posted|stand)(?: am| on| at)?\s*:?\s*[\d.,:/ -]{6,}.{0,30}
        (?:©|\(c\)|copyright)\s.{0,120}|(?:alle rechte vorbehalten|all rights reserved)\b.{0,120}
        (?:fotos?|bild(?:er)?|grafik|symbol(?:bild|foto))(?: von)?\s*:\s*\S+(?:[ /]\S+){0,4}
        (?:photos?|images?|pictures?)(?: credit| by)?\s*:\s*\S+(?:[ /]\S+){0,4}
        (?:lesezeit|reading time)\b.{0,30}|\d+ (?:min\.?|minuten|minutes?) (?:lesezeit|read)
        (?:artikel |text )?(?:vorlesen|anhören|hören)|listen to (?:this|the) (?:article|story)
        (?:schlagw(?:örter|orte)|stichw(?:örter|orte)|tags?|keywords|filed under)\s*:.{0,200}
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
