"""Each rule of the grammar of formulas reads its tokens and builds their meaning."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sympy import Dummy, Expr, Integer, Rational, Symbol

from theory.formulas.bounds import (
    FORMULA_SYMBOLS,
    Part,
    exponential,
    leaf,
    logarithm,
    nested,
    total,
)
from theory.formulas.sums import binomial_coefficient, summed
from theory.formulas.text.factors import (
    Factor,
    Product,
    atom,
    bracketed,
    inverse,
    negated,
    number,
    part,
    raised,
)
from theory.formulas.text.refusals import Ambiguous, Misplaced, at, meant, quoted
from theory.formulas.text.tokens import SPELLINGS, Token, on_the_line, tokens

__all__ = ["Parser"]

_ONE, _MINUS, _HALF = Integer(1), Integer(-1), Rational(1, 2)
_EULER = "write exp(1) for the base of natural logarithms"
_MEANINGS = {
    "E": _EULER,
    "e": _EULER,
    "N": "write the width as n",
    "Ln": "write L*n for the product, or log(n) for the logarithm",
    "exp": "write its argument in brackets",
    "log": "write its argument in brackets",
    "sqrt": "write its argument in brackets",
}
_LISTED = ", ".join(FORMULA_SYMBOLS)
_CHARACTERS = {
    ",": "write decimals with a point",
    "=": "give the right-hand side alone",
}
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_BEGINS = ("NAME", "OPEN", "ROOT", "FRAC", "SERIES")
"""The tokens with which a factor begins that follows another factor without an operator."""


class Parser:
    """One method for each rule of the grammar; each reads its tokens and builds their meaning.

    Raises `Misplaced` for a token that does not fit, names that are not known, and expressions
    that are refused; `Ambiguous` where the tokens have two readings.
    """

    def __init__(self, text: str) -> None:
        self.text, self.place, self.depth = text, 0, 0
        self.tokens = list(tokens(text))
        self.indices: dict[str, tuple[Symbol, int]] = {}
        self.sums = 0

    def formula(self) -> Expr:
        """The whole formula."""
        expression = part(self.sum()).expression
        self._expect("END")
        for name, (index, position) in self.indices.items():
            if index in expression.free_symbols:
                raise _unknown(name, position)
        return expression

    # Tokens

    @property
    def token(self) -> Token:
        """The next token."""
        return self.tokens[self.place]

    def take(self) -> Token:
        """The next token, which is read."""
        self.place += 1
        return self.tokens[self.place - 1]

    def written(self, first: Token, after: Token | None = None) -> str:
        """The text from a token to the last that was read, or to ``after``."""
        end = self.tokens[self.place - 1].end if after is None else after.start
        return self.text[first.start : end].strip()

    def _expect(self, kind: str, text: str = "") -> Token:
        if self.token.kind == kind and self.token.text.endswith(text):
            return self.take()
        raise self._misfit()

    def _misfit(self) -> Misplaced:
        """The refusal of a next token that does not fit."""
        token = self.token
        if token.kind == "END":
            fix = "complete it, or close a bracket"
            return Misplaced(token.start, "the formula ends too early", fix)
        if token.kind == "CLOSE" and self.depth == 0:
            return Misplaced(token.start, "a bracket closes that was not opened", "leave it out")
        if token.kind in ("NUMBER", "FRACTION") and self.place:
            what = f"{quoted(token.text)} follows without an operator"
            return Misplaced(token.start, what, "write products with * and powers with ^")
        fix = _CHARACTERS.get(token.text, "give a number, a symbol or a bracket")
        return Misplaced(token.start, f"{quoted(token.text)} does not fit", fix)

    @contextmanager
    def _level(self) -> Iterator[None]:
        """One level of nesting, of which there are few."""
        self.depth += 1
        with at(self.token.start):
            nested(leaf(_ONE), self.depth - 2)
        yield
        self.depth -= 1

    # Sums and products

    def sum(self) -> Product:
        """Products with their signs, added at once; one product alone stays factored."""
        position, terms = self.token.start, [self.product()]
        while self.token.kind in ("PLUS", "MINUS"):
            sign, term = self.take(), self.product()
            terms.append(negated(term, sign.start) if sign.kind == "MINUS" else term)
        if len(terms) == 1:
            return terms[0]
        with at(position):
            return atom(total([part(each) for each in terms]), position)

    def product(self) -> Product:
        """Factors with their signs, not yet combined."""
        first, factors, over = self.token, [*self.factor()], None
        while True:
            if self.token.kind in ("TIMES", "OVER"):
                sign = self.take()
                over = sign if sign.kind == "OVER" else None
                more = self.factor(divisor=over is not None)
                factors += more if over is None else inverse(more, sign.start)
            elif self.token.kind in _BEGINS:
                beside = self.token
                while self.token.kind in _BEGINS:
                    factors += self.power()
                if over is not None:
                    raise self._divided(first, over, beside)
            else:
                return tuple(factors)

    def _divided(self, first: Token, over: Token, beside: Token) -> Ambiguous:
        """A quotient with a factor after its divisor."""
        upper, quotient = self.written(first, over), self.written(first, beside)
        divisor, more = self.text[over.end : beside.start].strip(), self.written(beside)
        readings = f"({quotient})*{more}", f"{upper}/({divisor}*{more})"
        return Ambiguous(first.start, self.written(first), *readings)

    def factor(self, divisor: bool = False) -> Product:
        """A power with signs before it."""
        return self._signed(lambda: self.power(divisor))

    def _signed(self, rule: Callable[[], Product]) -> Product:
        """The value that a rule reads, with signs before it."""
        signs = []
        while self.token.kind in ("PLUS", "MINUS"):
            signs.append(self.take())
        factors = rule()
        for sign in reversed(signs):
            factors = negated(factors, sign.start) if sign.kind == "MINUS" else factors
        return factors

    def power(self, divisor: bool = False) -> Product:
        """A base and its exponent; ``divisor``: after a slash."""
        first = self.token
        euler = first.text == "e" and self._second().kind == "POWER"
        base = atom(leaf(_ONE), self.take().start) if euler else self.atom()
        sign = self.token
        if sign.kind != "POWER":
            return base
        self.take()
        start = self.token
        exponent = self.exponent()
        self._check_exponent(first, sign, start, divisor)
        if euler:
            with at(first.start):
                return atom(exponential(exponent), first.start)
        return raised(base, exponent, sign.start)

    def exponent(self) -> Part:
        """An atom with signs before it."""
        return part(self._signed(lambda: self.group() if self.token.text == "{" else self.atom()))

    def _check_exponent(self, first: Token, sign: Token, start: Token, divisor: bool) -> None:
        """Refuse a power where more of the text may belong to its exponent."""
        base, exponent = self.written(first, sign), on_the_line(self.written(start))
        last, after, below = self.tokens[self.place - 1], self.token, self._second()
        bare = last.kind in ("NUMBER", "FRACTION", "NAME")
        simple = first.kind == "NAME" and first.text != "e" and start.kind in ("NUMBER", "FRACTION")
        odd = start.kind in ("MINUS", "PLUS") or exponent == "1" or divisor
        alone = f"{base}^{_wrapped(exponent)}"
        if after.kind == "POWER":
            self.take()
            self.exponent()
            upper = on_the_line(self.written(after).lstrip("*^"))
            readings = f"({alone})^{upper}", f"{base}^({exponent}^{upper})"
        elif bare and after.kind in _BEGINS and not after.spaced and not simple:
            self.power()
            more = self.written(after)
            readings = f"{base}^({exponent}*{more})", f"{alone}*{more}"
        elif bare and odd and after.kind == "OVER" and below.kind == "NUMBER":
            self.place += 2
            readings = f"{base}^({exponent}/{below.text})", f"({alone})/{below.text}"
        else:
            return
        raise Ambiguous(first.start, self.written(first), *readings)

    def _second(self) -> Token:
        """The token after the next one."""
        return self.tokens[min(self.place + 1, len(self.tokens) - 1)]

    # Atoms

    def atom(self) -> Product:
        """A number, a symbol, a bracket, a fraction, or a function of its arguments."""
        token = self.token
        if token.kind == "OPEN" and token.text not in "[{":
            return bracketed(self.bracket())
        if token.kind not in ("NUMBER", "FRACTION", "NAME", "ROOT", "FRAC", "SERIES"):
            raise self._misfit()
        self.take()
        if token.kind == "NUMBER":
            return atom(number(token.text, token.start), token.start)
        if token.kind == "FRACTION":
            value = unicodedata.numeric(token.text)
            return atom(leaf(Rational(value).limit_denominator(8)), token.start)
        if token.kind == "FRAC":
            return self.fraction()
        if token.kind == "SERIES":
            return self.series(token)
        if token.kind == "ROOT" or token.function:
            return self.call(token)
        return self.name(token)

    def bracket(self) -> Product:
        """The content of two brackets, still factored."""
        opened = self.take()
        with self._level():
            inner = self.sum()
        self._expect("CLOSE", _CLOSING[opened.text[-1]])
        return inner

    def group(self) -> Product:
        """One argument of LaTeX: braces, one digit or one symbol."""
        token = self.token
        if token.kind == "OPEN" and token.text == "{":
            return bracketed(self.bracket())
        if token.kind == "NAME" and not token.function:
            return self.symbol(self.take())
        if token.kind == "NUMBER" and len(token.text) == 1:
            return self.atom()
        raise self._misfit()

    def fraction(self) -> Product:
        r"""The arguments of \frac."""
        token = self.token
        if token.kind == "NUMBER" and token.text.isdigit() and len(token.text) == 2:
            upper, lower = (atom(number(d, token.start), token.start) for d in token.text)
            self.take()
        else:
            upper, lower = self.group(), self.group()
        return (*upper, *inverse(lower, token.start))

    def name(self, token: Token) -> Product:
        """A symbol that stands before no bracket."""
        if self.token.kind == "EQUALS":
            raise self._misfit()
        called = self.token.kind == "OPEN" and self.token.text != "{" and self.token.end > token.end
        if called and (not self._known(token) or self._is_word(token)):
            raise _unknown_function(token)
        symbol = self.symbol(token)
        if called:
            self.bracket()
            raise self._applied(token)
        return symbol

    def _is_word(self, token: Token) -> bool:
        return len(token.text) > 1 and token.text not in SPELLINGS

    def _known(self, token: Token) -> bool:
        index = token.text.isalpha() and token.text != "for"
        return token.text in SPELLINGS or (self.sums > 0 and index)

    def symbol(self, token: Token) -> Product:
        """A symbol, the base of natural logarithms, or the index of a sum."""
        if token.text == "e" and not self.sums:
            self._check_euler(token)
            return atom(exponential(leaf(_ONE)), token.start)
        if not self._known(token):
            raise _unknown(token.text, token.start)
        symbol = SPELLINGS.get(token.text)
        if symbol is None:
            index = Dummy(token.text, integer=True)
            symbol, _ = self.indices.setdefault(token.text, (index, token.start))
        return atom(leaf(symbol), token.start)

    def _check_euler(self, token: Token) -> None:
        """Refuse an e that may begin the exponent of a decimal, as in 2e -5."""
        before, sign, after = self.tokens[max(self.place - 2, 0)], self.token, self._second()
        signed = sign.kind in ("PLUS", "MINUS") and after.kind == "NUMBER"
        if before.kind == "NUMBER" and signed:
            self.place += 2
            more = f"{sign.text} {after.text}"
            readings = f"{before.text}*exp(1) {more}", f"{before.text}*10^({sign.text}{after.text})"
            raise Ambiguous(before.start, self.written(before), *readings)

    def _applied(self, token: Token) -> Ambiguous:
        """A symbol before a bracket."""
        written = self.written(token)
        bracket = written[len(token.text) :].strip()
        function = f"the formula of the function {token.text}"
        return Ambiguous(token.start, written, f"{token.text}*{bracket}", function)

    def call(self, token: Token) -> Product:
        """A function of its arguments."""
        name = token.function or "sqrt"
        if name == "Sum":
            return self.sum_call(token)
        if name == "binomial":
            arguments = self.arguments(2)
            with at(token.start):
                return atom(binomial_coefficient(*map(part, arguments)), token.start)
        argument = part(self.argument(token))
        if name == "sqrt":
            return (Factor(argument, leaf(_HALF), token.start),)
        with at(token.start):
            function = exponential if name == "exp" else logarithm
            return atom(function(argument), token.start)

    def argument(self, token: Token) -> Product:
        """The argument of sqrt, exp or log: in brackets, or one number or symbol."""
        after = self.token
        if after.kind == "OPEN":
            inner = self.bracket()
            beside = self.token.kind in _BEGINS and not self.token.spaced
            if token.function == "sqrt" and after.text[-1] == "[" and beside:
                raise self._indexed(token, after)
            if after.spaced and self.token.kind in _BEGINS and token.text[0] != "\\":
                raise self._longer(token, after)
            return inner
        if after.kind == "MINUS" and token.function == "exp":
            self.take()
            self.power()
            minus = self.written(after)
            readings = f"exp({minus})", f"exp(1) - {minus[1:].strip()}"
            raise Ambiguous(token.start, self.written(token), *readings)
        if after.kind not in ("NUMBER", "NAME", "FRACTION") or after.function:
            if token.kind == "NAME":
                raise _unknown(token.function or "", token.start)
            raise self._misfit()
        inner = self.name(self.take()) if after.kind == "NAME" else self.atom()
        glued = self.token.kind in _BEGINS and not self.token.spaced
        tight = self.token.kind in ("OVER", "TIMES") and not self.token.spaced
        word = token.kind == "NAME" and (tight or self.token.kind in (*_BEGINS, "POWER"))
        if glued or word:
            raise self._longer(token, after)
        return inner

    def _indexed(self, token: Token, index: Token) -> Ambiguous:
        """The refusal of a square root whose argument in brackets may be the index of a root."""
        of, beside = self.written(index)[1:-1], self.token
        opened = beside.kind == "OPEN"
        _ = self.bracket() if opened else self.atom()
        more = self.written(beside)[opened : -1 if opened else None]
        readings = f"{_wrapped(more)}^(1/{_wrapped(of)})", f"sqrt({of})*{_wrapped(more)}"
        return Ambiguous(token.start, self.written(token), *readings)

    def _longer(self, token: Token, first: Token) -> Ambiguous:
        """The refusal of a function whose argument may be longer."""
        short, beside = self.written(first), self.token
        if beside.kind == "POWER":
            self.take()
            self.exponent()
        elif beside.kind in ("OVER", "TIMES"):
            self.take()
            self.factor()
        else:
            self.power()
        joint = "*" if beside.kind in _BEGINS else ""
        more, name = self.written(beside), token.function or "sqrt"
        once = short if first.kind == "OPEN" else f"({short})"
        readings = f"{name}{once}{joint}{more}", f"{name}({short}{joint}{more})"
        return Ambiguous(token.start, self.written(token), *readings)

    def arguments(self, count: int) -> list[Product]:
        r"""The arguments of a function: f(a, b), f[a, b] or \f{a}{b}."""
        opened = self.token
        if opened.text == "{":
            return [self.group() for _ in range(count)]
        self._expect("OPEN")
        with self._level():
            found = [self.sum()]
            for _ in range(count - 1):
                self._expect("COMMA")
                found.append(self.sum())
        self._expect("CLOSE", _CLOSING[opened.text[-1]])
        return found

    # Sums over an index

    def sum_call(self, token: Token) -> Product:
        """Sum(summand, (index, low, high))."""
        opened = self._expect("OPEN")
        self.sums += 1
        with self._level():
            summand = part(self.sum())
            self.sums -= 1
            self._expect("COMMA")
            inner = self._expect("OPEN")
            index = self._expect("NAME")
            self._expect("COMMA")
            low = part(self.sum())
            self._expect("COMMA")
            high = part(self.sum())
            self._expect("CLOSE", _CLOSING[inner.text[-1]])
        self._expect("CLOSE", _CLOSING[opened.text[-1]])
        return self._summed(token, summand, index, low, high)

    def series(self, token: Token) -> Product:
        r"""The arguments of \sum_: {index = low}^{high} and the product that is summed."""
        self._expect("OPEN", "{")
        index = self._expect("NAME")
        self._expect("EQUALS")
        with self._level():
            low = part(self.sum())
            self._expect("CLOSE", "}")
            self._expect("POWER")
            high = part(self.group())
            self.sums += 1
            first = self.token
            summand = part(self.product())
            self.sums -= 1
        if self.token.kind in ("PLUS", "MINUS"):
            head, short, rest = self.written(token, first), self.written(first), self.token
            self.take()
            self.sums += 1
            self.product()
            more = f"{rest.text} {self.written(rest)[1:].strip()}"
            readings = f"{head} ({short} {more})", f"({head} {short}) {more}"
            raise Ambiguous(token.start, self.written(token), *readings)
        return self._summed(token, summand, index, low, high)

    def _summed(self, token: Token, summand: Part, name: Token, low: Part, high: Part) -> Product:
        known = SPELLINGS.get(name.text)
        index = known or self.indices.get(name.text, (Dummy(name.text), 0))[0]
        with at(token.start):
            return atom(summed(summand, index, low, high), token.start)


def _unknown(name: str, position: int) -> Misplaced:
    """The reason why a name is refused, and the fix."""
    fix = meant(name) or _MEANINGS.get(name, f"the symbols are {_LISTED}")
    return Misplaced(position, f"{quoted(name)} is not a symbol of these laws", fix)


def _unknown_function(token: Token) -> Misplaced:
    what = f"{quoted(token.text)} is not a function of these laws"
    fix = meant(token.text) or "they are sqrt, exp, log, binomial and Sum"
    return Misplaced(token.start, what, fix)


def _wrapped(written: str) -> str:
    return written if written.isalnum() else f"({written})"
