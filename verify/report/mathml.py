"""SymPy expressions as presentation MathML of the Core, which browsers render by themselves."""

from __future__ import annotations

from xml.etree import ElementTree

from markupsafe import Markup
from sympy import Add, Expr, Mul, Symbol, fraction, sympify
from sympy.printing.mathml import MathMLPresentationPrinter

__all__ = ["closed_form_rows", "math", "with_factor"]

_LETTERS = {
    "&ExponentialE;": "e",
    "&InvisibleTimes;": "\N{INVISIBLE TIMES}",
    "<mo>-</mo>": "<mo>\N{MINUS SIGN}</mo>",
}


def math(expression: Expr) -> Markup:
    """``expression`` as the inside of a ``math`` element.

    >>> from theory.symbols import L
    >>> print(math(L**2))
    <mrow><msup><mi>L</mi><mn>2</mn></msup></mrow>
    """
    text = MathMLPresentationPrinter().doprint(sympify(expression))
    for name, letter in _LETTERS.items():
        text = text.replace(name, letter)
    root = ElementTree.fromstring(f"<mrow>{text}</mrow>")
    for element in root.iter():
        _fenced(element)
        _sloped(element)
        _quiet(element)
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def with_factor(expression: Expr) -> Markup:
    """A product with one long sum as a factor in front of the sum.

    >>> from theory.symbols import L, n
    >>> "<mfrac>" in with_factor((L + 1)*n/3)
    True
    """
    factor, total = _split(expression)
    return factor + _bracketed(math(total))


def closed_form_rows(expression: Expr, letters: str) -> list[tuple[Markup, Markup]]:
    """A product with one long sum as rows (name, value): the whole in terms of its summands
    under an empty name, and then these, named by ``letters`` in order.

    >>> from theory.symbols import L, n
    >>> [str(name) for name, _ in closed_form_rows(n*(L**2 + 2**L), "AB")]
    ['', '<mrow><mi>A</mi></mrow>', '<mrow><mi>B</mi></mrow>']
    """
    factor, total = _split(expression)
    names = [Symbol(letter) for letter in letters[: len(total.args)]]
    terms = sorted(total.args, key=lambda each: len(str(each)))
    rows = [(math(name), _product(term)) for name, term in zip(names, terms, strict=True)]
    return [(Markup(), factor + _bracketed(math(Add(*names)))), *rows]


def _split(expression: Expr) -> tuple[Markup, Expr]:
    """The factor in front of the one sum of a product, and that sum.

    SymPy's printer would multiply a number in the denominator out.
    """
    top, bottom = fraction(expression)
    (total,) = [each for each in Mul.make_args(top) if isinstance(each, Add)]
    number, rest = bottom.as_content_primitive()
    above = math(Mul(*(each for each in Mul.make_args(top) if each is not total)))
    below = math(number) if rest == 1 else math(number) + _bracketed(math(rest))
    return _ratio(above, below), total


def _product(expression: Expr) -> Markup:
    """A product, what it is divided by as a factor in front."""
    top, bottom = fraction(expression)
    return math(top) if bottom.is_Number else math(1 / bottom) + math(top)


def _ratio(top: Markup, bottom: Markup) -> Markup:
    return Markup("<mfrac><mrow>{}</mrow><mrow>{}</mrow></mfrac>").format(top, bottom)


def _bracketed(inside: Markup) -> Markup:
    stretchy = "true" if "<mfrac>" in inside else "false"
    fence = '<mo stretchy="{}">{}</mo>'
    left, right = (Markup(fence).format(stretchy, bracket) for bracket in "()")
    return Markup("<mrow>{}{}{}</mrow>").format(left, inside, right)


def _fenced(element: ElementTree.Element) -> None:
    """Write brackets out, for which older SymPy has an element outside the Core."""
    if element.tag == "mfenced":
        element.tag = "mrow"
        inside = list(element)
        for each in inside:
            element.remove(each)
        for text in (element.attrib.pop("open", "("), None, element.attrib.pop("close", ")")):
            if text is None:
                element.extend(inside)
            else:
                ElementTree.SubElement(element, "mo").text = text


def _sloped(element: ElementTree.Element) -> None:
    """A fraction in an exponent is one line high: 3/2."""
    if element.tag == "msup" and element[1].tag == "mfrac":
        top, bottom = element[1]
        slash = ElementTree.Element("mo", {"lspace": "0", "rspace": "0"})
        slash.text = "/"
        element[1].tag = "mrow"
        element[1][:] = [top, slash, bottom]


def _quiet(element: ElementTree.Element) -> None:
    """Brackets around what is one line high stay one line high."""
    fences = [each for each in element if each.tag == "mo" and each.text in ("(", ")")]
    if fences and not any(each.tag == "mfrac" for each in element.iter()):
        for fence in fences:
            fence.set("stretchy", "false")
