"""Words that carry grammar more than meaning: they are never replaced, and never put in another's place."""

ARTICLES_AND_PRONOUNS = """
a an the i me my mine myself you your yours yourself yourselves he him his himself she her hers herself
it its itself we us our ours ourselves they them their theirs themselves one ones who whom whose which
what this that these those some any each every either neither both all none no nobody nothing other
another
"""
HELPING_VERBS = """
be am is are was were been being have has had having do does did done doing can could may might must
shall should will would ought
"""
PREPOSITIONS_AND_CONJUNCTIONS = """
about above across after against along among around as at before behind below beneath beside between
beyond but by despite down during except for from if in inside into like near of off on onto or out
outside over past since so than though through to toward towards under until unless up upon via while
whether with within without and nor because although yet
"""
ADVERBS = """
not never there here when where why how then thus too also just only even more most less least such same
ever once again further very much many few
"""
STOP_WORDS = frozenset(
    f"{ARTICLES_AND_PRONOUNS} {HELPING_VERBS} {PREPOSITIONS_AND_CONJUNCTIONS} {ADVERBS}".split()
)
