"""Invented, mild texts for tests: what holds of a label, how it is rendered, and plain ones."""

from __future__ import annotations

PHRASES = {
    "de": {
        "threat": (
            "wir schlagen euch die Scheiben ein",
            "ihr werdet es noch bereuen, wir kommen nachts vorbei",
            "wäre doch schade um das schöne Gartenhaus",
            "nächstes Mal brennt euer Bauwagen",
        ),
        "call_to_violence": (
            "werft ihnen endlich Steine in die Fenster",
            "holt euch den Verwalter und verprügelt ihn",
            "zündet die Bagger an, alle zusammen",
            "jagt sie mit Knüppeln vom Hof",
        ),
        "protest_mobilization": (
            "kommt am Samstag um 14 Uhr alle vor das Rathaus",
            "Freitag Kundgebung am Hafen, bringt Schilder mit",
            "wir sehen uns Montag bei der Mahnwache vor der Schule",
            "schließt euch dem Zug durch die Altstadt an",
        ),
        "violence_approval": (
            "recht so, die Prügel hat er sich verdient",
            "die eingeworfenen Fenster waren eine Wohltat",
            "schön, dass dem Verwalter einer eine verpasst hat",
            "so ein brennender Bagger wärmt das Herz",
        ),
    },
    "en": {
        "threat": (
            "we are going to smash your windows",
            "you will regret this, we know when you lock up",
            "it would be a shame if that nice shed caught fire",
            "next time your trailer burns",
        ),
        "call_to_violence": (
            "go and throw bricks through their windows",
            "grab the warden and beat him up",
            "set the diggers on fire, all of you",
            "drive them off the yard with clubs",
        ),
        "protest_mobilization": (
            "come to the town hall on Saturday at 2 pm",
            "rally at the harbour on Friday, bring signs",
            "see you at the vigil outside the school on Monday",
            "join the march through the old town",
        ),
        "violence_approval": (
            "serves him right, he had that beating coming",
            "those broken windows were a joy to see",
            "glad that somebody punched the warden",
            "a burning digger warms the heart",
        ),
    },
}
FRAMES = {
    "de": {
        "own": "{opening}: {phrase}!",
        "endorsed": "{opening}. Genau richtig gesagt: „{phrase}“",
        "reported": "{opening}. Einer rief: „{phrase}“, so der Bericht.",
        "condemned": "{opening}. „{phrase}“ So etwas zu schreiben ist schäbig.",
    },
    "en": {
        "own": "{opening}: {phrase}!",
        "endorsed": "{opening}. Could not say it better: “{phrase}”",
        "reported": "{opening}. One man shouted “{phrase}”, the report says.",
        "condemned": "{opening}. “{phrase}” Writing such things is shabby.",
    },
}
OPENINGS = {
    "de": ("Zur Umgehungsstraße", "Zu den Mieten", "Zum Hafenausbau", "Zur Schulschließung", "Zum Staudamm"),
    "en": ("On the bypass", "About the rents", "The harbour plans", "The school closure", "About the dam"),
}
PLAIN = {
    "de": (
        "{opening}: Der Ausschuss tagt erst im Herbst wieder.",
        "{opening} steht heute ein langer Artikel im Blatt 🙂",
        "{opening}: Ich finde die Zahlen nicht überzeugend.",
        "{opening}: Das Spiel gestern war ein Feuerwerk, mehr sage ich nicht.",
        "{opening}: Wer die Nudeln zuerst anbrät, macht es richtig.",
    ),
    "en": (
        "{opening}: the committee will not meet before autumn.",
        "{opening}, a long read in today's paper 🙂",
        "{opening}: the figures do not convince me.",
        "{opening}: last night's match was fireworks, enough said.",
        "{opening}: fry the noodles first and you cannot go wrong.",
    ),
}
