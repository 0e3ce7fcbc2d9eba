"""Colours of birds: named colours, and which of them the families usually wear."""

from __future__ import annotations

COLOURS: dict[str, tuple[int, int, int]] = {
    "white": (240, 238, 232), "cream": (232, 220, 190), "buff": (206, 176, 132), "grey": (140, 142, 146),
    "slate": (92, 102, 116), "dark": (56, 54, 56), "black": (28, 27, 30), "brown": (104, 76, 52),
    "rust": (158, 84, 42), "umber": (72, 54, 40), "red": (196, 34, 32), "scarlet": (224, 62, 36),
    "orange": (232, 134, 42), "yellow": (236, 202, 56), "olive": (122, 122, 62), "green": (58, 132, 66),
    "teal": (32, 116, 122), "blue": (52, 96, 178), "navy": (34, 46, 92), "sky": (118, 172, 214),
    "pink": (240, 160, 158), "rose": (228, 112, 118), "purple": (92, 54, 112), "straw": (206, 190, 132),
    "bronze": (96, 84, 56), "bottle": (22, 72, 52),
}  # fmt: skip
"""sRGB, 0 to 255."""

NEUTRAL = (
    "white", "cream", "buff", "grey", "slate", "dark", "black", "brown", "rust", "umber", "straw",
    "bronze",
)  # fmt: skip
VIVID = (
    "red", "scarlet", "orange", "yellow", "olive", "green", "teal", "blue", "navy", "sky", "pink", "rose",
    "purple",
)  # fmt: skip

SCHEMES: dict[str, tuple[str, ...]] = {
    "crow": (
        "black black black black - black black",
        "slate grey black black black dark black",
    ),
    "grackle": (
        "black black black black navy black black",
        "bronze black black black purple dark dark",
    ),
    "gull": (
        "grey white grey white white yellow pink",
        "slate white dark white white yellow yellow",
        "grey white grey white black red red",
    ),
    "duck": (
        "grey cream brown dark bottle yellow orange",
        "brown buff umber brown - orange orange",
        "white white white white - orange orange",
        "black white slate black black slate slate",
    ),
    "swan_goose": (
        "white white white white - orange black",
        "black black black dark - red dark",
        "brown grey brown white black black black",
        "grey white grey white - orange orange",
    ),
    "kingfisher": (
        "blue orange blue blue - black red",
        "teal white green green - black dark",
        "blue white sky blue rust red red",
        "slate white slate dark - dark dark",
    ),
    "puffin": ("black white black black black orange orange",),
    "woodpecker": (
        "black black black black red grey dark",
        "dark white dark black red dark dark",
        "olive straw olive umber red grey grey",
    ),
    "roadrunner": (
        "umber cream umber umber - dark slate",
        "brown buff umber dark - dark grey",
    ),
    "cardinal": (
        "scarlet red red red red orange brown",
        "buff buff brown rust rust orange brown",
    ),
    "waxwing": ("buff straw slate grey - black black",),
    "flycatcher": (
        "grey white black black white black black",
        "dark yellow brown dark dark black black",
    ),
    "swallow": (
        "navy cream navy navy navy black dark",
        "brown white umber brown - black dark",
    ),
    "hummingbird": (
        "green white dark green - black dark",
        "teal grey dark purple rose black dark",
    ),
    "ibis": (
        "white white white white - red red",
        "scarlet scarlet scarlet scarlet - rose rose",
        "bronze umber bottle umber rust brown brown",
        "white white white black black black dark",
        "white cream white white - orange rose",
        "brown umber brown umber - brown brown",
    ),
    "heron": (
        "white white white white - yellow black",
        "slate grey slate slate white yellow olive",
        "grey white slate grey - orange yellow",
    ),
    "stork_crane": (
        "white white black white - red red",
        "grey grey slate grey black dark black",
    ),
    "flamingo": (
        "pink pink rose pink - cream pink",
        "rose pink scarlet rose - cream rose",
        "white pink rose white - pink pink",
        "scarlet rose scarlet scarlet - buff rose",
        "pink white pink pink - pink rose",
    ),
    "pigeon": (
        "grey grey grey slate slate dark rose",
        "white white white white - pink rose",
        "slate grey grey dark navy dark rose",
        "rust buff rust brown - dark rose",
        "dark slate grey black purple grey rose",
    ),
    "rooster": (
        "rust umber rust bottle orange yellow yellow",
        "white white white white - yellow yellow",
        "black black black bottle rust dark slate",
        "scarlet rust umber black orange straw straw",
    ),
    "hen_quail": (
        "rust buff brown umber - straw yellow",
        "white white white white - yellow yellow",
        "umber brown umber dark - dark grey",
        "dark grey dark dark - yellow straw",
    ),
    "emu": (
        "brown umber brown umber - dark dark",
        "umber buff umber umber dark dark umber",
        "bronze brown bronze brown slate dark slate",
        "dark umber dark dark - dark brown",
    ),
    "ostrich": (
        "black black black white grey buff grey",
        "brown grey brown brown buff buff grey",
    ),
    "chick": (
        "yellow straw yellow yellow - orange orange",
        "brown buff brown brown - dark grey",
    ),
    "penguin": (
        "black white black black black dark dark",
        "slate white slate dark black orange pink",
    ),
    "owl": (
        "brown buff umber brown - dark buff",
        "white white white white - dark cream",
    ),
    "hawk_eagle": (
        "umber buff umber umber - dark yellow",
        "dark umber dark white white yellow yellow",
        "slate white slate slate dark dark yellow",
    ),
    "parrot": (
        "green yellow green blue - dark grey",
        "scarlet red blue red red cream dark",
        "grey grey grey red - black dark",
        "blue yellow blue blue - black dark",
        "green green green green red cream grey",
    ),
    "pelican": (
        "white white white white - orange orange",
        "brown grey brown grey white straw dark",
    ),
    "magpie_jay": (
        "black white navy black black black black",
        "blue white blue blue - black black",
    ),
    "turkey_pheasant": (
        "rust brown buff straw bottle straw grey",
        "umber bronze umber rust rose straw rose",
    ),
}
"""Schemes of a family: colours of back, belly, wings, tail, head ("-": as the back), beak, legs."""
