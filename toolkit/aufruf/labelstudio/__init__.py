"""Everything that talks to Label Studio: interface, routing, answers, pull, the local server."""
