"""The hand-written words of the demo world: real words, arranged into a little world that does not exist."""

ANIMALS: tuple[tuple[str, str, str, str, str], ...] = (
    # name, food, habitat, colour, sound; from the smallest animal to the biggest
    ("ant", "leaves", "forest", "red", "click"),
    ("bee", "honey", "meadow", "yellow", "buzz"),
    ("cricket", "grass", "meadow", "green", "chirp"),
    ("spider", "insects", "barn", "black", "hiss"),
    ("snail", "leaves", "swamp", "pink", "click"),
    ("frog", "insects", "swamp", "green", "croak"),
    ("mouse", "seeds", "barn", "grey", "squeak"),
    ("robin", "worms", "forest", "red", "whistle"),
    ("bat", "fruit", "cave", "black", "squeak"),
    ("mole", "worms", "meadow", "black", "grunt"),
    ("parrot", "nuts", "jungle", "blue", "shriek"),
    ("squirrel", "nuts", "forest", "orange", "bark"),
    ("hedgehog", "eggs", "meadow", "brown", "grunt"),
    ("owl", "mice", "barn", "white", "hoot"),
    ("raven", "eggs", "hills", "black", "croak"),
    ("rabbit", "roots", "hills", "white", "squeak"),
    ("duck", "seeds", "river", "yellow", "whistle"),
    ("cat", "mice", "barn", "orange", "hiss"),
    ("lizard", "insects", "desert", "green", "hiss"),
    ("fox", "eggs", "forest", "red", "bark"),
    ("otter", "fish", "river", "brown", "whistle"),
    ("eagle", "mice", "hills", "brown", "shriek"),
    ("monkey", "fruit", "jungle", "brown", "chirp"),
    ("badger", "roots", "forest", "grey", "growl"),
    ("flamingo", "worms", "swamp", "pink", "hoot"),
    ("beaver", "roots", "river", "brown", "click"),
    ("goat", "grass", "hills", "white", "bleat"),
    ("wolf", "mice", "forest", "grey", "howl"),
    ("sheep", "grass", "meadow", "white", "bleat"),
    ("leopard", "fish", "jungle", "yellow", "growl"),
    ("seal", "fish", "ocean", "grey", "bark"),
    ("dolphin", "fish", "ocean", "blue", "whistle"),
    ("lion", "eggs", "desert", "yellow", "roar"),
    ("tiger", "fish", "jungle", "orange", "roar"),
    ("camel", "seeds", "desert", "orange", "bleat"),
    ("bear", "honey", "cave", "brown", "growl"),
    ("walrus", "fruit", "ocean", "pink", "roar"),
    ("buffalo", "leaves", "river", "black", "grunt"),
    ("elephant", "nuts", "jungle", "grey", "hum"),
    ("whale", "insects", "ocean", "blue", "howl"),
)

OBJECTS: tuple[str, ...] = tuple(
    """anchor arrow basket bell belt boat bottle bowl bracelet bridge broom brush bucket button candle carpet chain
    chair chest clock coat comb crown cup curtain door drum fence flag flute fork gate hammer harp hat helmet jug
    kettle key ladder lamp lantern mask mirror necklace needle pillow pipe plate plough ring rope saddle scarf
    shield shoe spoon statue sword table tower tray vase wheel whip window""".split()
)

MATERIALS: tuple[str, ...] = tuple(
    "wood iron glass silver gold clay wool leather stone copper paper bone silk wax".split()
)

COLOURS: tuple[str, ...] = tuple("red green yellow blue white black brown grey pink orange purple".split())

JOBS: tuple[str, ...] = tuple(
    """baker miller weaver sailor doctor teacher farmer hunter painter potter tailor singer judge guard cook smith
    mason miner fisher clerk printer gardener shepherd carpenter jeweller barber butcher dancer pilot scribe""".split()
)

OPPOSITES: tuple[tuple[str, str], ...] = (
    ("hot", "cold"), ("big", "little"), ("tall", "short"), ("fast", "slow"), ("old", "young"), ("rich", "poor"),
    ("strong", "weak"), ("light", "dark"), ("hard", "soft"), ("wet", "dry"), ("full", "empty"), ("open", "closed"),
    ("early", "late"), ("loud", "quiet"), ("high", "low"), ("deep", "shallow"), ("wide", "narrow"), ("thick", "thin"),
    ("clean", "dirty"), ("brave", "timid"), ("kind", "cruel"), ("happy", "sad"), ("near", "far"), ("up", "down"),
    ("left", "right"), ("inside", "outside"), ("first", "last"), ("always", "never"), ("day", "night"),
    ("summer", "winter"), ("north", "south"), ("east", "west"), ("friend", "enemy"), ("love", "hate"),
    ("begin", "finish"), ("win", "lose"), ("buy", "sell"), ("give", "take"), ("push", "pull"), ("laugh", "weep"),
    ("remember", "forget"), ("float", "sink"), ("build", "destroy"), ("arrive", "depart"), ("accept", "refuse"),
    ("war", "peace"), ("question", "answer"), ("truth", "falsehood"), ("wise", "foolish"), ("sharp", "blunt"),
    ("smooth", "rough"), ("sweet", "bitter"), ("straight", "crooked"), ("tight", "loose"), ("heavy", "weightless"),
    ("simple", "complicated"), ("public", "private"), ("ancient", "modern"), ("guilty", "innocent"),
    ("awake", "asleep"),
)  # fmt: skip

WOMEN: tuple[str, ...] = tuple(
    """Mira Olga Anna Rosa Vera Lena Nora Elsa Ida Clara Maria Eva Sara Julia Emma Hilda Greta Irma Paula Tina
    Ruth Alice Edith Helen Agnes Jane Kate Lucy Mabel Nell Peggy Rita Susan Wanda Zoe Daisy Flora Gwen Hazel Iris
    Joan Laura Molly Pearl Sybil Tessa Una Viola Willa Yvonne""".split()
)

MEN: tuple[str, ...] = tuple(
    """Tor Dan Eli Max Leo Hugo Otto Karl Paul Ivan Boris Felix Oscar Simon Peter Frank Henry Jack Adam Noah
    Ben Carl Dirk Emil Fred George Harold Igor Jonas Kurt Lars Mark Nils Owen Pablo Ralph Sven Tom Ulf Victor
    Walter Xavier Yuri Zeno Arthur Bruno Conrad David Ernest Gilbert""".split()
)

DAYS: tuple[str, ...] = tuple("Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split())

MONTHS: tuple[str, ...] = tuple(
    "January February March April May June July August September October November December".split()
)

COUNTS: tuple[str, ...] = ("one", "two", "three", "four", "five")
