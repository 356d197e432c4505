"""Texts that are no formulas, or too large to be built: as data, with generated families."""

# ruff: noqa: E501

import random

PYTHON = """
n.__class__ | ().__class__.__bases__[0] | __import__('os').system('true') | __builtins__ | __n__
n.real | n.subs(n,2) | L.evalf() | exec('1') | eval("1") | open('x') | print(n) | globals() | dir()
lambda: 1 | lambda x: x | [n] | n[0] | n[0:1] | {n: 1} | {n} | (n, L) | [x for x in n] | (x for x in n)
'n' | "n" | f'{n}' | b'n' | r'n' | n if L else t | n and L | not n | n == L | n < L | n <= L | n != L
n := 2 | n = 2 | n; L | n, | *n | **n | @n | n @ L | n % 2 | n // 2 | n << 2 | n >> 2 | n & L | n \\ L
~n | n! | n? | $n | #n | `n` | None | True | await n | yield n | import os | del n | \\u006e | \\x6e
Symbol('q') | Integer(3) | S(1) | sympify('1') | Rational(1,2) | Integral(n, n) | Sum(n, n) | Lambda(n, n)
""".replace("\n", "|").split("|")

NAMES = """
E | I | pi | oo | zoo | nan | inf | Infinity | NaN | i | j | x | N | l0 | n1 | n_1 | nn | Ln | eta2
alpha | lambda | kappa | n_ | _n | _ | __ | width | depth | E(n) | sin(n) | gamma(n) | abs(n)
factorial(n) | Max(n, L) | n(L) | L(n) | exp | log | sqrt | exp() | log() | exp(n, L) | √
expn | exp**2 | exp(exp) | sqrt | eta(1) | n_0(2) | LOG(n) | q | c | p | r
""".replace("\n", "|").split("|")

SYNTAX = """
L^3/3n | n(n+1) | 2 3 | n 2 | n.5 | 1.2.3 | 1_000 | 0x10 | 1e+ | . | 1..2
n+ | +| * | n* | n** | ** | n***L | n^^L | n^ | /n | n/ | n//L | ( | ) | () | (n | n) | ((n) | (n)) | )(
n + (L | sqrt(n | sqrt n) | n² ² | n²³⁻ | ² | ⁻ | n⁻ | √√n | √-n | n²^2 | n^² | 2,5 | 1,000
E = L^3 | L^3/3 ; n | 0b1 | 1j | 2.5j | n ** ** L | - | -- | +-+ | (-) | ((())) | n*/L | n*+
""".replace("\n", "|").split("|")

UNDEFINED = """
1/0 | n/(L-L) | 0/0 | 0**0 | 0**(-1) | 0^L | (n-n)**n | (L-L)^-2 | 1/(2-2) | 1/(1/2-0.5) | log(0)
log(n-n) | sqrt(-1) | (-1)**(1/2) | (-8)^(1/3) | sqrt(-n) | (-n)^0.5 | log(-1) | log(-2/3) | (-2)**t
(1-sqrt(2))^(1/2) | sqrt(1-sqrt(2)) | log(1-2) | 1/(sqrt(4)-2) | 1/(n/n-1) | 1/sqrt(0) | 0*(1/0) | (-1)^t
1/(exp(0)-1) | 1/log(1) | n**(1/0) | exp(1/0) | 0**(-t) | (-eta)^(3/2) | 1/(sqrt(2)**2-2) | sqrt(-n-1) | log(-n) | log(-n-2*L) | (-n*(n+1))^(1/3)
""".replace("\n", "|").split("|")

HUGE = """
Sum(k^1000,(k,1,L)) | Sum((k+n)^500,(k,1,L)) | Sum(k^L,(k,1,L)) | Sum(2^(10^9*k),(k,1,L)) | Sum(k^k,(k,1,L))
Sum(t^k,(k,1,L)) | Sum(k,(k,1,L-2)) | Sum(k,(k,1,n/2)) | Sum(1/k,(k,1,L)) | Sum(sqrt(k),(k,1,L)) | Sum(k,k)
Sum(k,(k,1,L))+k | Sum(k,(n+1,1,L)) | Sum(k,(q,1,L)) | Sum(k,(k,1)) | Sum | Sum(k | Sum() | Sum[k,{k,1,L)
binomial(n,10^9) | binomial(10^900,10^899) | binomial(n,L) | binomial(n) | binomial(n,t) | binomial(n,2,3)
9**9**9**9 | 10**10**10 | 2^(10^9) | (1+n)**(10**9) | n**n**n**n | n^n^n^n^n^n | 10^1001 | 2^-100000
((n^1000)^1000)^1000 | ((2^1000)^1000)^1000 | (2^1000)^1000*n | (n+1)^(10^6) | 1e999999999 | 1e-999999999
1e1001 | 1E+100000 | 1e9999999999999999999999 | 0.1e-5000 | exp(10^9) | exp(exp(exp(9))) | exp(exp(2))
exp(10^9*log(10)) | exp(1000*log(10^1000)) | exp(n*10^9) | 2^(n+10^9)*2^(-n) | (2^(n+1000))^1000*2^(-1000*n)
2^(10^9)^(1/1) | n^(10^9) | n^(1/10^9) | 2^sqrt(2) | n^sqrt(2) | exp(sqrt(2)) | n^log(2) | log(log(3))
exp(exp(exp(n))) | exp(n^n^n) | (10^900*n+1)^900 | (10^900+n)^100 | exp(n+exp(exp(1000))-n) | 2^2^2^2^2^2
log(exp(n+exp(9))*exp(-n)) | (1/3)^(10^7) | (3/7)^5000 | 10^(10^(10^n))^n^n | (n^(1/2))^(10^5)
""".replace("\n", "|").split("|")

LOOK_ALIKE = [
    *"пνηℓոո"[:2],
    *("ո", "ｎ", "𝑛", "𝐧", "ⅼ", "Ⅼ", "Ｌ", "ʟ", "ｔ", "а", "α", "ɑ", "е", "ℯ", "ｅ", "ŋ", "ɳ", "µ"),
    *("ｎ_0", "n＿0", "nꓸ0", "n₁", "n⁰_0", "１", "２n", "٣", "३", "Ⅳ", "①", "𝟏", "1２"),
    *(
        "n＋L",
        "n－L",
        "n＊L",
        "n／L",
        "n∕L",
        "n÷L",
        "n∗L",
        "n•L",
        "（n）",
        "n–L",
        "n—L",
        "n‐L",
    ),
    *("n\u200bL", "n\u200b", "\u200dn", "\ufeffn", "n\u202e+L", "\u200fn", "n\u2060", "n\u00adL"),
    *("n\u0301", "n\u0308+1", "n\x00", "\x00", "n\x00*L", "n\x07", "n\x1b[0m", "n\x7f", "n\ud800"),
    *("n\u00a0+ L", "n\u2028L", "n\u3000", "∞", "∑n", "∫n", "∂n", "π", "n′", "x̂", "🂡", "n😀", "ﬁ"),
]

CONFUSABLE = "аеорсухηνιαℎⅰⅼո"


def families() -> list[str]:
    """Generated texts: long, deep, and random in what they repeat."""
    rng = random.Random(5)
    deep = [*("(" * k + "n" + ")" * k for k in (51, 500, 4900, 10**5)), "(" * 9000, ")" * 9000]
    signs = ["-" * k + "n" for k in (60, 5000, 10**5)]
    calls = [f"{name}(" * 60 + "n" + ")" * 60 for name in ("sqrt", "exp", "log")]
    calls += ["Sum(" * 60 + "k" + ",(k,1,L))" * 60, r"\frac{1}{" * 60 + "n" + "}" * 60]
    calls += [r"\sum_{k=1}^n" * 60 + "k", "2^-" * 60 + "n", "√" * 60 + "n", "exp-" * 60 + "n"]
    towers = ["n" + "^n" * k for k in (3, 50, 4000)] + ["9" + "**9" * k for k in (2, 5, 3000)]
    towers += ["2" + "^(1/2" * 60 + ")" * 60, "(" * 55 + "n+1" + ")^L+1" * 55]
    long = ["9" * k for k in (1001, 9999, 10**6)] + [
        "1." + "3" * 5000,
        "n" * 10**7,
        "\U000e0001" * 10**6,
    ]
    long += ["n+" * 10**6 + "n", " " * 10**6, "(" * 10**6, "\x00" * 10**6, "1e" + "9" * 5000]
    marks = ["n" + mark + "L" for mark in "\u061c\u200e\u202a\u202b\u202d\u2066\u2069\u180e\u2061"]
    names = ["".join(rng.choices(CONFUSABLE, k=rng.randint(1, 4))) for _ in range(20)]
    names = [each for each in names if each.strip("η")]
    binary = ["".join(chr(rng.randint(0, 0x2FFF)) for _ in range(300)) for _ in range(10)]
    return [*deep, *signs, *calls, *towers, *long, *marks, *names, *binary]


def heavy() -> list[str]:
    """Texts of the greatest length that would be costly to build, refused or not."""
    primes = [p for p in range(2, 8000) if all(p % q for q in range(2, int(p**0.5) + 1))]
    poly = "+".join(f"{(-1) ** k * (k % 7 + 1)}*n^{k}*L^{k % 5}" for k in range(120))
    gaps = "+".join(f"({(-1) ** k})*n^{k}" for k in range(300))
    sums = [
        "+".join(s.format(p, k) for k, p in enumerate(primes))
        for s in (
            "1/{}",
            "sqrt({})",
            "{}^(1/3)",
            "n^{1}",
            "n/{}^9",
            "exp(n/{})",
            "log(n+{})",
            "n^(1/{})",
            "1/3^{1}",
            "{}^t",
            "exp({1}*n)*n",
            "1/{}^99",
            "log({})",
            "sqrt(n+{})",
        )
    ]
    products = [s.replace("+", "*") for s in sums]
    products += ["*".join(f"(n+{p})" for p in primes), "/".join(f"(n-{p})" for p in primes)]
    products += [
        "*".join(f"{p}^(1/{k + 2})" for k, p in enumerate(primes)),
        "*".join("n" for _ in range(5000)),
        "*".join(f"({p}+n)^{k % 900}" for k, p in enumerate(primes)),
    ]
    roots = [
        form.format(p)
        for p in (poly, gaps)
        for form in (
            "sqrt({})",
            "(n*({}))^(1/3)",
            "(({})^L)^(1/3)",
            "(({})^t)^eta",
            "exp(n*({}))",
            "exp(n/({}))",
            "log({})",
            "({})^t",
            "1^({})",
            "0*(1/({}))",
            "t^({})",
            "sqrt(n*({})*(n-L))",
            "(n-({0}))^(1/2)*({0})^(1/2)",
        )
    ]
    small = "(n*(n^20-L*n^7-3)*(L-n))^(1/3)"
    many = [
        "+".join(small.replace("3", str(k + 3)) for k in range(200)),
        "*".join(small.replace("7", str(k)) for k in range(200)),
    ]
    many += [
        "+".join(f"(n^{k}-L)^(t-{k})" for k in range(500)),
        "+".join(f"exp((n-{k})*(L^2-n)/(n-L))" for k in range(300)),
    ]
    many += [
        "+".join(f"{'7' * 200}{p}^(1/3)" for p in primes),
        "+".join(f"sqrt({'7' * 70}{p})" for p in primes),
        "+".join(f"sqrt({'7' * 990}{p})" for p in primes),
    ]
    nested = [
        "sqrt(1+" * 40 + "2" + ")" * 40,
        "1/(1+" * 45 + "n" + ")" * 45,
        "log(1+" * 45 + "n" + ")" * 45,
        "(n+" * 45 + "1" + ")^L" * 45,
        "(n-" * 45 + "1" + ")^2" * 45,
        "sqrt(n-" * 45 + "1" + ")" * 45,
        "(1+1/" * 45 + "3" + ")" * 45,
    ]
    nested += [
        "+".join("(n-" * depth + f"L^{k}" + ")^2" * depth for k in range(300))
        for depth in (2, 3, 4, 5, 6)
    ]
    nested += [
        "+".join("1/(n-" * depth + f"L^{k}*t" + ")" * depth for k in range(300)) for depth in (3, 6)
    ]
    nested += [
        "(" * 20 + "sqrt(2)+sqrt(3)" + ")^(1/2)" * 20,
        "1/(sqrt(2)+sqrt(3)-sqrt(5+2*sqrt(6)))",
        "(sqrt(2)+sqrt(3)-sqrt(5+2*sqrt(6)))^-3",
    ]
    closed = [
        "+".join(each for _ in range(150))
        for each in (
            "Sum(k,(k,1,L))",
            "Sum((k+n)^8,(k,1,L))",
            "Sum((1+5/n)^k*k^6,(k,1,L))",
            "Sum(((1+n^4)/(L^4+n^3+2))^k*k^3,(k,1,L))",
            "binomial(n,20)",
            "Sum(Sum(j*k,(j,1,k)),(k,1,L))",
        )
    ]
    closed += [f"Sum({poly.replace('L', 'k')},(k,1,L))", f"Sum(({gaps})^k,(k,1,L))"]
    return [cut(text) for text in [*sums, *products, *roots, *many, *nested, *closed]]


def cut(text: str) -> str:
    """The text up to its last whole operand within 4000 characters."""
    if len(text) <= 4000:
        return text
    head = text[:4000]
    level = 0
    ends = []
    for place, character in enumerate(head):
        level += (character == "(") - (character == ")")
        if level == 0 and character in "+*/":
            ends.append(place)
    return head[: ends[-1]]


def named(texts: list[str]) -> list[str]:
    return [text.strip(" ") for text in texts if text.strip(" ")]


REFUSED = [
    *named(PYTHON),
    *named(NAMES),
    *named(SYNTAX),
    *named(UNDEFINED),
    *named(HUGE),
    *LOOK_ALIKE,
]
REFUSED += ["", " ", "\n\t", *families()]
HEAVY = heavy()
