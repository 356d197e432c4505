"""Formulas as users of the field type them, each with its outcome: as data, for every reader."""

READ = r"""
η²L³/3 => eta**2*L**3/3
η² L³/3 => eta**2*L**3/3
η²·L³/3 => eta**2*L**3/3
η^2 L^3 / 3 => eta**2*L**3/3
eta^2 L^3/3 => eta**2*L**3/3
eta^2L^3/3 => eta**2*L**3/3
eta**2*L**3/3 => eta**2*L**3/3
L^3 eta^2/3 => eta**2*L**3/3
L³/3 => L**3/3
(1/3)η²L³ => eta**2*L**3/3
(1/3) L^3 => L**3/3
⅓η²L³ => eta**2*L**3/3
½ L² => L**2/2
¾n => 3*n/4
2L => 2*L
2 L^3 => 2*L**3
3(n+1) => 3*(n + 1)
(n+1)(n+2) => (n + 1)*(n + 2)
(n+1)(n+2)/n² => (n + 1)*(n + 2)/n**2
(n+1)^2 (n+2) => (n + 1)**2*(n + 2)
n²(n+1) => n**2*(n + 1)
n^2(n+1) => n**2*(n + 1)
2(3) => Integer(6)
n L => n*L
nL => n*L
nL/3 => n*L/3
ηL => eta*L
ηℓ => eta*ell
n₀n => n_0*n
2ηnL => 2*eta*n*L
L³ + 2L => L**3 + 2*L
L − 1 => L - 1
n × L => n*L
n ⋅ L => n*L
5L/n => 5*L/n
exp(5L/n) => exp(5*L/n)
exp(-5L/n) => exp(-5*L/n)
e^(5L/n) => exp(5*L/n)
e^{-t} => exp(-t)
e^-t => exp(-t)
e^t => exp(t)
e**(-5*t) => exp(-5*t)
e^(2t) => exp(2*t)
2e^t => 2*exp(t)
2/(sqrt(51)*e) => 2/(sqrt(51)*exp(1))
2e => 2*exp(1)
L e - 5 => L*exp(1) - 5
L⁄3 => L/3
exp t => exp(t)
exp(t) L => exp(t)*L
exp(t)^2 => exp(2*t)
log n => log(n)
ln(n) => log(n)
ln n => log(n)
log(n)/n => log(n)/n
log n / n => log(n)/n
log n + 1 => log(n) + 1
√3 => sqrt(3)
√3 L^(-3/2) => sqrt(3)*L**Rational(-3, 2)
√3·L^(-3/2) => sqrt(3)*L**Rational(-3, 2)
√3/L^(3/2) => sqrt(3)*L**Rational(-3, 2)
√(3/L³) => sqrt(3/L**3)
√(3/L^3) => sqrt(3/L**3)
√L => sqrt(L)
√n √L => sqrt(n)*sqrt(L)
√L³ => L**Rational(3, 2)
sqrt(3)L^(-3/2) => sqrt(3)*L**Rational(-3, 2)
sqrt(3) L^(-3/2) => sqrt(3)*L**Rational(-3, 2)
sqrt 3 => sqrt(3)
sqrt(3)/L^1.5 => sqrt(3)*L**Rational(-3, 2)
L^-1.5 => L**Rational(-3, 2)
sqrt(3)*L**-1.5 => sqrt(3)*L**Rational(-3, 2)
L^(-3/2) => L**Rational(-3, 2)
L⁻³ᐟ² => L**Rational(-3, 2)
L⁻¹ => 1/L
2⁻ⁿ => 2**(-n)
(1+5/n)ᴸ => (1 + 5/n)**L
(1+5/n)ᴸ⁻¹ => (1 + 5/n)**(L - 1)
(1 + 5/n)^L => (1 + 5/n)**L
(1 + 5/n)^(L-1) => (1 + 5/n)**(L - 1)
(1 + 5/n)^{L-1} => (1 + 5/n)**(L - 1)
(1+5/n)**L - 1 => (1 + 5/n)**L - 1
2^L => 2**L
2^L n => 2**L*n
2^(2L) => 4**L
1/(2L) => 1/(2*L)
1/(n L) => 1/(n*L)
L^3/(3n) => L**3/(3*n)
L^3/(3 n) + L/2 => L**3/(3*n) + L/2
2.5e-1 L => L/4
1e-3n => n/1000
.5L => L/2
L^2/2 => L**2/2
L^3/3. => L**3/3
n_0 L => n_0*L
n0*L => n_0*L
ell^2 => ell**2
ℓ² => ell**2
l + 1 => ell + 1
a² + 1 => a**2 + 1
t + t²/2 => t + t**2/2
$L^3/3$ => L**3/3
$$\frac{L^3}{3}$$ => L**3/3
\frac{\eta^2 L^3}{3} => eta**2*L**3/3
\frac{\eta^{2} L^{3}}{3} => eta**2*L**3/3
\tfrac{1}{3}\eta^2 L^3 => eta**2*L**3/3
\dfrac{\eta^2L^3}{3} => eta**2*L**3/3
\frac13\eta^2L^3 => eta**2*L**3/3
\frac1n => 1/n
\frac{1}{2} L => L/2
\frac{1}{2}(n+1) => (n + 1)/2
\frac{5L}{n} => 5*L/n
\frac{L}{n} L^3 => L**4/n
\eta^2 L^3/3 => eta**2*L**3/3
\eta^2\cdot L^3 / 3 => eta**2*L**3/3
\eta\,L => eta*L
2\times L => 2*L
\sqrt{3}L^{-3/2} => sqrt(3)*L**Rational(-3, 2)
\sqrt{3}\,L^{-3/2} => sqrt(3)*L**Rational(-3, 2)
\sqrt{\frac{3}{L^3}} => sqrt(3/L**3)
\sqrt3 => sqrt(3)
\frac{\sqrt{3}}{L^{3/2}} => sqrt(3)*L**Rational(-3, 2)
\left(1+\frac{5}{n}\right)^{L-1} => (1 + 5/n)**(L - 1)
\left(1+\frac5n\right)^L => (1 + 5/n)**L
\left[1+\frac5n\right]^L => (1 + 5/n)**L
\bigl(1+\frac5n\bigr)^L => (1 + 5/n)**L
\exp(-t) => exp(-t)
\exp\left(\frac{5L}{n}\right) => exp(5*L/n)
e^{5L/n} => exp(5*L/n)
\log n => log(n)
\ln(n) => log(n)
\ell^2 => ell**2
n_{0} L => n_0*L
\binom{L}{2} => L*(L - 1)/2
\sum_{k=1}^{L} k^2 => L*(L + 1)*(2*L + 1)/6
\sum_{\ell=1}^{L} \ell^2 => L*(L + 1)*(2*L + 1)/6
\sum_{k=1}^L k => L*(L + 1)/2
\sum_{k=1}^L (k+1) => L*(L + 3)/2
\frac{1}{n}\sum_{k=0}^{L-1} k^2 => L*(L - 1)*(2*L - 1)/(6*n)
sum_{k=1}^L k^2 => L*(L + 1)*(2*L + 1)/6
n^½ => sqrt(n)
n_0L => n_0*L
n0L => n_0*L
nL^2 => n*L**2
2n^2L => 2*n**2*L
teta => t*eta
0.5η²L² => eta**2*L**2/2
2·10^-3 L => L/500
√½ => sqrt(Rational(1, 2))
\frac{L}n => L/n
\frac nL => n/L
\frac{L^3}{3n} => L**3/(3*n)
2sqrt(3) => 2*sqrt(3)
2exp(t) => 2*exp(t)
2e3L => 2000*L
exp[5L/n] => exp(5*L/n)
(L^3)(eta^2)/3 => eta**2*L**3/3
L^3/2/n => L**3/(2*n)
-n^2 => -n**2
2^L-1 => 2**L - 1
∑_{k=1}^{L} k => L*(L + 1)/2
Σ_{k=1}^{L} k² => L*(L + 1)*(2*L + 1)/6
\[Eta]^2 L^3/3 => eta**2*L**3/3
Sqrt[3]/L^(3/2) => sqrt(3)*L**Rational(-3, 2)
Sqrt[3] L^(-3/2) => sqrt(3)*L**Rational(-3, 2)
Exp[5 L/n] => exp(5*L/n)
Exp[-t] => exp(-t)
Log[n] => log(n)
Binomial[n, 2] => n*(n - 1)/2
Sum[k^2, {k, 1, L}] => L*(L + 1)*(2*L + 1)/6
Sum(k**2, (k, 1, L)) => L*(L + 1)*(2*L + 1)/6
Sum(k^3, (k, 1, L)) => L**2*(L + 1)**2/4
Sum(1, (k, 1, L)) => L
Sum(2**k, (k, 0, L)) => 2**(L + 1) - 1
Sum(k*2**k, (k, 0, L)) => (L - 1)*2**(L + 1) + 2
Sum(ell*(n+1), (ell, 1, L)) => (n + 1)*L*(L + 1)/2
Sum(Sum(j*k, (j, 1, k)), (k, 1, L)) => L*(L + 1)*(L + 2)*(3*L + 1)/24
Sum(binomial(k, 2), (k, 0, L)) => L*(L**2 - 1)/6
Sum(k, (k, ell, L)) => (L - ell + 1)*(L + ell)/2
summation(k, (k, 1, L)) => L*(L + 1)/2
binomial(L, 2) => L*(L - 1)/2
binomial(L + 1, 3) => (L + 1)*L*(L - 1)/6
binom(n, 1) => n
np.sqrt(3)*L**(-3/2) => sqrt(3)*L**Rational(-3, 2)
np.sqrt(3/L**3) => sqrt(3/L**3)
np.exp(5*L/n) => exp(5*L/n)
numpy.log(n) => log(n)
math.sqrt(3) * L**-1.5 => sqrt(3)*L**Rational(-3, 2)
math.comb(L, 2) => L*(L - 1)/2
eta**2 * L**3 / 3.0 => eta**2*L**3/3
sp.sqrt(L) => sqrt(L)
1/2*L => L/2
n/L/t => n/(L*t)
"""
"""Each text with its meaning, in Python."""

AMBIGUOUS = r"""
1/2L => (1/2)*L | 1/(2*L)
1/2 L => (1/2)*L | 1/(2*L)
3/2 L² => (3/2)*L² | 3/(2*L²)
1/2n² => (1/2)*n² | 1/(2*n²)
L^3/3n => (L^3/3)*n | L^3/(3*n)
L^3/3 n => (L^3/3)*n | L^3/(3*n)
L³/3n => (L³/3)*n | L³/(3*n)
1/nL => (1/n)*L | 1/(n*L)
5/n L => (5/n)*L | 5/(n*L)
1/n(n+1) => n*(n+1) | the formula of the function n
1/(2n) L => (1/(2n))*L | 1/((2n)*L)
1/2(n+1) => (1/2)*(n+1) | 1/(2*(n+1))
1/2√n => (1/2)*√n | 1/(2*√n)
1/3\eta^2 => (1/3)*\eta^2 | 1/(3*\eta^2)
n(n+1) => n*(n+1) | the formula of the function n
L(L-1)/2 => L*(L-1) | the formula of the function L
n (n+1) => n*(n+1) | the formula of the function n
η(n+1) => η*(n+1) | the formula of the function η
2n(n+1) => n*(n+1) | the formula of the function n
exp-t => exp(-t) | exp(1) - t
exp -t => exp(-t) | exp(1) - t
2e -5 => 2*exp(1) - 5 | 2*10^(-5)
2 e+5*L => 2*exp(1) + 5 | 2*10^(+5)
2**3**L => (2^3)^L | 2^(3^L)
2^3^L => (2^3)^L | 2^(3^L)
n²^3 => (n^2)^3 | n^(2^3)
n^-2^3 => (n^(-2))^3 | n^(-2^3)
L^-3/2 => L^(-3/2) | (L^(-3))/2
L**-3/2 => L^(-3/2) | (L^(-3))/2
L^1/2 => L^(1/2) | (L^1)/2
n/L^3/2 => L^(3/2) | (L^3)/2
2^-L/2 => 2^(-L/2) | (2^(-L))/2
(1+5/n)^2L => (1+5/n)^(2*L) | (1+5/n)^2*L
2^2L => 2^(2*L) | 2^2*L
2^Lη => 2^(L*η) | 2^L*η
e^2t => e^(2*t) | e^2*t
2^L(n+1) => L*(n+1) | the formula of the function L
√3 L^-3/2 => L^(-3/2) | (L^(-3))/2
√3L^-1.5 => sqrt(3)*L^-1.5 | sqrt(3*L^-1.5)
sqrt(3)/L^3/2 => L^(3/2) | (L^3)/2
n/2(n+1) => (n/2)*(n+1) | n/(2*(n+1))
L/n^2(n+1) => (L/n^2)*(n+1) | L/(n^2*(n+1))
1/3 η² L³ => (1/3)*η² L³ | 1/(3*η² L³)
L^3/3 η² => (L^3/3)*η² | L^3/(3*η²)
e^tL => e^(t*L) | e^t*L
10^3L => 10^(3*L) | 10^3*L
10^-3/2 => 10^(-3/2) | (10^(-3))/2
(n+1)^½L => (n+1)^(½*L) | (n+1)^½*L
√3L => sqrt(3)*L | sqrt(3*L)
√2n => sqrt(2)*n | sqrt(2*n)
√nL => sqrt(n)*L | sqrt(n*L)
sqrt 3 L => sqrt(3)*L | sqrt(3*L)
log 2n => log(2)*n | log(2*n)
log n^2 => log(n)^2 | log(n^2)
sqrt L/3 => sqrt(L)/3 | sqrt(L/3)
sqrt 3/L => sqrt(3)/L | sqrt(3/L)
sqrt[3](L) => L^(1/3) | sqrt(3)*L
\sqrt[3]{L} => L^(1/3) | sqrt(3)*L
\sqrt[3]L => L^(1/3) | sqrt(3)*L
\sqrt[3]{L+1} => (L+1)^(1/3) | sqrt(3)*(L+1)
exp t/2 => exp(t)/2 | exp(t/2)
exp t*2 => exp(t)*2 | exp(t*2)
log n/2 + 1 => log(n)/2 | log(n/2)
log (n+1)(n+2) => log(n+1)*(n+2) | log((n+1)*(n+2))
\sum_{k=1}^L k + 1 => \sum_{k=1}^L (k + 1) | (\sum_{k=1}^L k) + 1
"""
"""Each text and its two readings."""

OFFERED = r"""
E = L^3/3 => L^3/3
E[dz^2] = η²L³/3 => η²L³/3
L^3÷3 => L^3/3
L–1 => L-1
L^3 // 3 => L^3 / 3
N*L => n*L
width*depth => n*L
lr**2*L**3/3 => eta**2*L**3/3
alpha^2 + 1 => a^2 + 1
E^(-t) => e^(-t)
LOG(n) => log(n)
[1 + 5/n]^L => (1 + 5/n)^L
{L+1}^2 => (L+1)^2
2,5*L => 2.5*L
L^3/3; => L^3/3
(L+1 => (L+1)
L+1) => L+1
Rational(1, 3)*L => (1/3)*L
pow(L, 3)/3 => (L)**(3)/3
Power[L, 3] => (L)**(3)
~L^3 => L^3
n∗L => n*L
n／L => n/L
Ln(n) => log(n)
sqrt3/L^1.5 => sqrt(3)/L^1.5
nlog(n) => n*log(n)
Lsqrt(3) => L*sqrt(3)
Sum(k^2, k, 1, L) => Sum(k^2, (k, 1, L))
t = L/n => L/n
L^3/3 + o(1) => L^3/3
L^3/3*(1 - \mathcal{O}(L*(n + 1))) + n => L^3/3*(1) + n
sum(k**2 for k in range(1,L+1)) => Sum(k**2, (k, 1, L))
"""
"""Each refused text and the correction that the message offers."""

UNKNOWN = """
sqrt-n | L2 | 2 3 | n 2 | L 3/3 | tan(n) | sin(n) | O(1/n) | n! | |n| | Theta(L^3) | 1,000 | L3
z | E | Ln | nan | n.5 | log2(n) | exp | sqrt | L_1 | n_1 | pi | 1/0 | L % 2 | L < n
Sum(1/k, (k, 1, L)) | binomial(n, L) | sum(k for k in range(1, 2*(L+1)))
L^3/3 + O(1/n)*L
"""
"""Texts without a meaning that is offered."""


def pairs(table: str) -> list[tuple[str, str]]:
    """The rows of a table."""
    rows = [line.split(" => ") for line in table.strip().split("\n")]
    return [(text, outcome) for text, outcome in rows]
