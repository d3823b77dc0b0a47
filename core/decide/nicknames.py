"""First names that one person goes by: short forms, spellings and other languages' forms, a line each.

A name may stand in several lines (`alex`). Short forms that the long one begins with (`rob`, `robert`) need no line;
`core.decide.likeness` sees those by itself. Names are written as `core.decide.keys.folded` leaves them.
"""

from __future__ import annotations

from collections.abc import Mapping

_LINES = """
    abigail abby gail
    adele adelheid heidi
    albert bert
    alexander alex alec alejandro aleksandr alessandro sandro sascha sasha xander alexandre lex
    alexandra alex alejandra aleksandra alessandra sandra sascha sasha
    alfred fred freddy
    andrew andreas andre andrej andres drew andy
    ann anna anne annie anni ana anja anya nan nancy
    anthony antonio anton antoine tony toni
    antonia toni
    barbara babs barb barbel
    bartholomew bart
    benedict ben benedikt
    bernard bernhard bernd bernie
    brigitte gitte birgit bridget
    carl karl carlos carlo charles charlie chuck charley kalle
    caroline carolin karoline carol carrie
    catherine katherine kathryn katharina katarina katerina caterina kate katie kathy cathy kitty karin katja katrin
    charlotte lotte lottie charlie
    christian chris kristian
    christina christine chris tina kristina kristin kirsten christa
    christopher chris christoph christophe kit kris
    cornelia conny nele
    deborah debbie deb
    dietrich dieter
    dominic dominik dom
    dorothea dorothy dora dorothee dot dottie thea
    edward eddie ed ted teddy ned eduard eduardo
    eleanor elena ellen nell nora ella helen helena
    elizabeth elisabeth beth betty eliza elise elsa else ilse liz lizzie lisa lise lisbeth bess isabel isabella sissi
    emily emilia emma milla
    eric erik erich
    ernest ernst ernie
    eugene gene eugen
    florence flo
    francis frank franz francesco francisco francois paco pancho
    frances francesca franziska franzi fran
    frederick frederic friedrich fritz fred freddy federico
    gabriel gabe
    gabriele gabriela gabi gaby
    geoffrey jeffrey geoff jeff
    george georg jorge giorgio jorg jurgen
    gerard gerhard gerd gerry jerry
    gertrude trude trudy
    gregory greg gregor grigori
    gustav gus gustavo
    harold harry hal
    heinrich heinz henry henri heiner henrik hal harry enrique hank
    hubert bert
    ignatius ignacio nacho
    jacob jakob james jim jimmy jaime jacques jake giacomo jamie
    jacqueline jackie
    jennifer jenny jen
    jessica jess
    joachim achim jochen jo
    johanna joanna jo hanna hannah joan jeanne giovanna
    john johann johannes hans jean jan juan giovanni ivan jack jon ian sean hannes
    jonathan jon
    joseph josef jose giuseppe joe sepp pepe joey
    josephine josefine josie jo fina
    judith judy
    julia julie juliette giulia jule
    kenneth ken kenny
    konstantin constantin kostas
    lawrence laurence lorenz lorenzo larry laurent lars
    leonard leo lenny leonhard
    louis ludwig luis luigi lewis lou lutz
    louise luise lou luisa
    lucas lukas luke luca
    magdalena lena madeleine magda
    manuel manolo emanuel
    marcus markus marc mark marco marcos
    margaret margarete margarita greta gretchen maggie meg peggy marge rita grete gretel marguerite
    maria mary marie mia mariam
    miriam mirjam myriam
    martha marthe patty
    martin marty
    mathilda mathilde tilda tilly
    matthew matthias mathias matteo matt mateo matthieu
    maurice moritz mauricio
    maximilian max
    michael mike mick michel miguel mikhail micha michele mickey misha
    mohammed muhammad mohamed mohammad mehmet
    natalie natalia natasha natalja
    nathaniel nathan nat nate
    nicholas nikolaus nicolas nicola nick nico niko klaus claus nikolai
    oliver ollie
    pamela pam
    patricia pat patty tricia trish
    patrick pat paddy
    paul pablo paolo pavel
    peter pete pedro pietro pierre petr
    philip philipp phil phillip felipe philippe pip
    rebecca becky rebekka
    reginald reg reggie
    reinhard reiner rainer
    richard rick dick ricky ricardo riccardo rich
    robert bob bobby rob robbie roberto bert
    roland rolando orlando
    ronald ron ronnie
    rosemarie rose rosie rosemary
    rudolf rudi rolf rudy
    samantha sam
    samuel sam
    sarah sara sally
    sebastian basti bastian seb
    siegfried sigi
    sophie sofia sophia sofie
    stephanie steffi stefanie steph
    stephen steven stefan steffen steve stephan esteban etienne stefano
    susan susanne susanna suzanne sue susi suzy
    terence terry
    theodore theodor ted teddy theo
    theresa therese terry tess teresa resi tessa
    thomas tom tommy tomas tommaso
    timothy tim timo
    ulrich uli
    ulrike uli rike
    ursula uschi ulla
    valentin val valentino
    veronica veronika vera vroni
    victoria viktoria vicky vicki tori
    victor viktor vic
    vincent vince vincenzo
    virginia ginny ginger
    walter walt wally
    wilhelm william bill billy will willy willi guillaume guillermo liam helmut wim
    wilhelmina mina minna wilma
    wolfgang wolf
    yvonne ivonne evi
    zachary zack
"""


def _lines_by_name() -> Mapping[str, frozenset[int]]:
    found: dict[str, set[int]] = {}
    for number, line in enumerate(_LINES.strip().splitlines()):
        for name in line.split():
            found.setdefault(name, set()).add(number)
    return {name: frozenset(lines) for name, lines in found.items()}


_BY_NAME = _lines_by_name()
_NONE: frozenset[int] = frozenset()


def one_persons(name: str, other: str) -> bool:
    """Whether two first names are forms of one."""
    return not _BY_NAME.get(name, _NONE).isdisjoint(_BY_NAME.get(other, _NONE))
