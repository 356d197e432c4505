"""`answered` makes a public call refuse unknown and missing arguments in one sentence, which names
the covered cases, the nearest name, or the argument to give."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import partial, wraps
from inspect import Parameter
from numbers import Number
from typing import TYPE_CHECKING, Any, NoReturn, ParamSpec, TypeVar

from theory.errors import InvalidArgument
from theory.validation import brief

__all__ = [
    "Answering",
    "NoNumber",
    "NoOperators",
    "ReadAsNumber",
    "answered",
    "answered_class",
    "outside",
]

P = ParamSpec("P")
R = TypeVar("R")
C = TypeVar("C", bound=type)

_OUTSIDE = {
    "residual residuals skip skips skip_connection": "the layers are a chain, without skip "
    "connections: leave it out, or give Residual(width=64, blocks=4)",
    "bias biases use_bias": "exact values are of networks without biases: leave it out, or for "
    "drawn biases as n goes to infinity give MLP(bias_variance=0.1)",
    "batch batch_size batchsize": "the step is on one example, not on a batch: leave it out",
    "optimizer optimiser adam momentum beta betas weight_decay": "it belongs to the first step: "
    "give squared_update(network, optimiser=SignDescent())",
    "loss loss_fn": "the loss is (f - y)^2/2 with a label y = +-1: leave it out",
    "steps epochs n_steps": "one step is covered, not several: leave it out",
    "norm normalization layernorm layer_norm rmsnorm rms_norm": "a normalisation belongs to the "
    "network: give MLP(norm=RMSNorm())",
    "dropout batchnorm batch_norm": "the layers have weights, drawn biases, an activation and a "
    "norm alone: leave it out",
    "conv kernel kernel_size channels positions": "the layers are fully connected: leave it out, "
    "or give Convolution(channels=8, positions=4, kernel=3, depth=2)",
    "attention heads": "the networks have no attention: leave it out",
    "blocks n_blocks num_blocks": "blocks are those of Residual(width=64, blocks=4)",
    "output outputs output_dim output_width out_features classes": "the network has one output: "
    "leave it out",
    "lr learning_rate eta": "values are at eta = 1: multiply a mean squared update by eta**2",
    "widths hidden_widths hidden_sizes layer_sizes hidden_dims": "give one width or several as "
    "width, as in MLP(width=(64, 64))",
    "n hidden hidden_width hidden_size hidden_dim": "the width is width, as in MLP(width=64)",
    "L layers n_layers num_layers": "the number of hidden layers is depth, as in "
    "MLP(width=64, depth=4)",
    "n_0 input_dim in_features": "the input width is input_width, as in MLP(input_width=32)",
    "nonlinearity act act_fn": "the name is activation, as in MLP(activation=ReLU())",
    "init initialisation initialization gain std": "weights have a variance over fan-in, as in "
    "MLP(weight_variance=2)",
    "parametrization parameterization parametrisation parameterisation mup": "the network stands "
    "in the mean-field parametrisation, its readout at variance 1/n^2: scale with readout_variance "
    "or weight_variance, or leave it out",
    "slope alpha leak": "the slope at negative input belongs to the activation, as in "
    "MLP(activation=LeakyReLU(0.1))",
    "readout readout_rate": "the readout has a separate rate: maximal_learning_rate(network, "
    "group=Readout()), or in layer_rates(network, optimiser=SignDescent())",
    "rate rates multiplier multipliers": "multipliers of eta belong to one update, as in "
    "squared_update(network, rates=ByGroup(first=2))",
    "threads workers n_jobs n_threads num_workers cores": "all cores are used: give "
    "monte_carlo(network, executor=ThreadPoolExecutor(4)) for four",
    "bound": "the bound belongs to the criterion, as in "
    "maximal_learning_rate(network, criterion=EveryHiddenLayer(bound=0.1))",
    "group": "multipliers train a group of layers, as in rates=ByGroup(first=0, hidden=0); "
    "maximal_learning_rate(network, group=Readout()) has the rate of the readout",
    "samples seed": "it belongs to the measurement: monte_carlo(network, samples=1000, seed=1)",
    "step linearised": "real steps: squared_update(network, step=0.1), maximal_learning_rate("
    "network, linearised=False), or monte_carlo(network, step=0.01, samples=1000, seed=1, "
    "sampler=Conditioned())",
    "precision rtol": "compare_law(networks=[network], precision=0.01, seed=1) measures to a "
    "precision",
    "device dtype": "samples are drawn in double precision on the processor: leave it out",
}
"""Keywords that users try, each with the alternative: one answer for all public calls."""
_ANSWERS = {word: answer for words, answer in _OUTSIDE.items() for word in words.split()}
_NUMBERS = (
    "width=64 depth=4 blocks=4 channels=8 positions=4 kernel=3 input_width=32 weight_variance=2 "
    "bias_variance=0.1 multiplier2=0.25 activation=ReLU() beta=0.9 decay=0.01 ratio=0.5 rate=0.05 "
    "readout_variance=1 input_norm2=1 tolerance=0.1 samples=1000 seed=1 order=2 readout='a' "
    "block=4 optimiser=GradientDescent() observable=trace(K)"
)
_EXAMPLES = dict(pair.split("=", 1) for pair in _NUMBERS.split(" ")) | {
    **dict.fromkeys(("network", "source"), "MLP(width=64, depth=4)"),
    "networks": "[MLP(width=64, depth=4)]",
    "widths": "(100, 200, 400)",
    "target": "MLP(width=64, depth=8)",
    "vertices": "{'a': 'x'}",
    **dict.fromkeys(("formula", "derivation"), "'L**3/3'"),
}
"""The argument to give where a call lacks it."""
_OF_THE_NETWORK = (
    "width depth input_width activation weight_variance bias_variance readout_variance input_norm2"
)
_DEPTHS = ("depth", "layers", "n_layers", "num_layers", "L")
_WIDTHS = ("width", "hidden_width", "hidden_size", "hidden_dim", "n")
_OF_OTHER_NETWORKS = dict.fromkeys(_DEPTHS, ("depth", "blocks"))
_OF_OTHER_NETWORKS |= dict.fromkeys(_WIDTHS, ("width", "channels"))
_OF_OTHER_NETWORKS |= dict.fromkeys(("alpha", "beta", "tau"), ("multiplier", "multiplier2"))
"""The names of a size, or of the square of a scale, in networks other than an MLP."""
_OF_GRIDS = (*("grid", "width", "widths", "depths", "blocks", "sizes"), *_DEPTHS, *_WIDTHS)
_OF_STEPS = {"momentum": "Momentum(0.9)", "weight_decay": "WeightDecay(GradientDescent(), 0.01)"}
_OF_STEPS |= dict.fromkeys(("optimizer", "adam", "beta", "betas"), "SignDescent()")
_OF_EXPRESSIONS = (
    "args atoms as_numer_denom cancel coeff diff doit evalf expand factor free_symbols has "
    "integrate limit replace rewrite series simplify subs together xreplace"
)
_OF_ESTIMATES = {
    "std stderr sem uncertainty": "standard_error is the standard error of the mean",
    "ci confidence_interval": "value - 2*standard_error to value + 2*standard_error, where "
    "effective_samples is large",
    "frame to_frame to_pandas to_dict dataframe": "value and error are numbers, for your own table",
}
_SYNONYMS = {"level": "confidence confidence_level ci credibility"}
_SYNONYMS |= {"chance": "quantile q percentile probability p share", "layer": "layers block"}
"""Other names of arguments."""
_STATISTICS = {name: fix for names, fix in _OF_ESTIMATES.items() for name in names.split()}
_WIDE = "the value is solved as n -> infinity alone"
_AT_INFINITE_WIDTH = {
    "evaluate exact per_eta2": f"infinite_width(depth) is its number; {_WIDE}, not at finite width",
    "lambdify": f"call it with depths, as in value([4, 8]); {_WIDE}, not at finite width",
    "joint_limit joint_law width_series derivation": f"{_WIDE}; leading() is its law in the depth",
    "validity": "it is solved at finite width for linearised steps of gradient descent with ReLU "
    "or leaky slopes, as in maximal_learning_rate(MLP()).validity(0.1)",
    "label output": "the output is 0 as n -> infinity, so that infinite_width(depth) is its label "
    "part; the value has no other parts, and no exact value at finite width",
    "variance spread relative_standard_deviation": "all networks agree as n -> infinity",
    "law_holds_from": "squared_update(network).law_holds_from(0.1) has it for the update",
}
_ELSEWHERE: dict[str, dict[str, str]] = {
    "WideBlockLearningRate": {"law_holds_from": "compare leading() with infinite_width(blocks)"},
    "WideUpdate WideBlockUpdate WideLearningRate WideBlockLearningRate WideReadoutUpdate": (
        _AT_INFINITE_WIDTH
    ),
    "WideLayerRates WideBlockLayerRates": {
        "share": "it is the square of a rate of together over the same rate of alone",
        "leading": "take at(L=64, n=64).together; maximal_learning_rate(network).leading() is the "
        "law of all layers at one rate",
        "evaluate exact float infinite_width first hidden readout": f"{_WIDE}, not at finite "
        "width; take alone or together, of at(L=64) where the depth is open",
    },
    "MaximalLearningRate BlockLearningRate LayerRates": {
        "infinite_width equal_shares": "give inputs=Inputs() for values at n = infinity",
    },
    "Critical": {"exact float": "points[0].weight_variance is a number"},
    "CriticalPoint": {"exact float": "weight_variance is a number"},
    "Validity": {"exact": "update.exact is the exact value"},
    "Estimate": {"median quantile": "total.median and total.quantile(chance) are of networks"},
    "TypicalLearningRate": {
        "error standard_error std": "interval is its confidence interval",
        "median": "value is the rate of the median network",
        "frame": "value and interval are numbers, for your own table",
    },
    "Check": {
        "frame": "evidence.frame() has a row for each network, where networks were compared",
        "exact": "target.update.exact is the exact value",
        "float": "outcome is its verdict, and evidence holds the measured numbers",
    },
    "Comparison": {"float": "outcome is its verdict, and cells hold the measured numbers"},
    "InfiniteWidthComparison": {
        "float verdict": "outcome is its verdict",
        "frame": "widths and estimates hold the measured numbers, for your own table",
    },
    "ReadoutUpdate": {"variance spread": "squared_update(network) and tangent_kernel have it"},
    "Derivation": {
        "spread relative_standard_deviation std": "write sympy.sqrt(value.variance())/value.exact"
    },
    "Spread": {"std": "exact.standard_deviation has it"},
    "SquaredUpdate": {
        "std": "relative_standard_deviation() and variance() are over networks",
        "validity": "maximal_learning_rate(network).validity(0.1) has the validity of a rate, and "
        "law_holds_from(0.1) is the least depth at n = infinity",
    },
    "Matrix Vector": {"transpose": "the transpose is T", "dot": "write products with @"},
    "Matrix": {
        "trace": "write trace(K), with from theory.observables import trace",
        "float mean sum": "derive(trace(K), network) has the mean of a trace",
    },
    "Vector": {"float mean sum norm": "derive(z @ z, network) has the mean of a squared norm"},
    "Observable": {"float mean value exact": "derive(observable, network) has its mean"},
}
"""Names that other values have, and float, by the names of the classes without them."""
_OF_VALUES = {
    "plot latex": "print() shows it as text",
    "validity": "maximal_learning_rate(network).validity(0.1) has it",
    "rate": "value is its number, and so is float() of it",
    "law_holds_from depth_law": "squared_update(network) has it, and leading() is the law of rates",
    "exact width_series joint_limit joint_law leading": "squared_update(network) and "
    "maximal_learning_rate(network) have it",
}
"""Names of values of `theory`, for all classes without them."""


_UFUNCS = "sqrt cbrt exp exp2 expm1 log log2 log10 log1p sin cos tan sinh cosh tanh arctan rint"
"""Functions that NumPy calls as methods of the entries of an array of objects."""


class NoNumber(InvalidArgument, TypeError):
    """An operator, a condition or SymPy uses a value that is no number and no expression."""


class Answering:
    """A value that answers names which it does not have with the nearest name, or with where the
    name belongs.

    >>> from theory import MLP, squared_update
    >>> try:
    ...     squared_update(MLP()).leadin
    ... except AttributeError as error:
    ...     print(error)
    SquaredUpdate has no leadin: the nearest name is leading
    """

    def __init_subclass__(cls) -> None:
        """Public methods refuse arguments that they do not have, or lack, in one sentence."""
        super().__init_subclass__()
        for name, member in list(vars(cls).items()):
            if inspect.isfunction(member) and not name.startswith("_") and _is_plain(member):
                setattr(cls, name, answered(member))

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> NoReturn:
            if name.startswith("_"):
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            if hasattr(type(self), name):
                object.__getattribute__(self, name)  # the error inside the property
            raise AttributeError(f"{type(self).__name__} has no {name}: {_nearest(self, name)}")

        def __float__(self) -> NoReturn:
            raise NoNumber(
                f"expected a number for float(), got {type(self).__name__}; "
                f"{_nearest(self, 'float')}"
            )


class NoOperators(Answering):
    """A value that is no number itself: arithmetic and order are refused in one sentence.

    >>> from theory import MLP, squared_update
    >>> try:
    ...     2 * squared_update(MLP(8, 2))
    ... except TypeError as error:
    ...     print(error)  # doctest: +NORMALIZE_WHITESPACE
    expected a number at an operator, got SquaredUpdate; write float(value) for its number, or
    value.exact for its expression
    """

    def _no_number(self, *_: object) -> NoReturn:
        """Refuse an operator."""
        self._refuse("a number at an operator")

    def __bool__(self) -> NoReturn:
        self._refuse("a number or a comparison in a condition")

    def _sympy_(self) -> NoReturn:
        """Refuse to be part of an expression: SymPy would take the float, without eta."""
        self._refuse("a number or an expression for SymPy")

    def _refuse(self, wanted: str, instead: str = "") -> NoReturn:
        rest = "value.exact for its expression" if hasattr(self, "lambdify") else "value.value"
        number = f"float(value) for its number, or {rest}"
        if getattr(self, "_drawn_parts", ()):
            number = "value.evaluate()[0] for the first of its numbers, or value.exact"
        raise NoNumber(f"expected {wanted}, got {type(self).__name__}; write {instead or number}")

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _no_number
    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = _no_number
    __pow__ = __rpow__ = __neg__ = __abs__ = __int__ = __round__ = _no_number
    __divmod__ = __rdivmod__ = __matmul__ = __rmatmul__ = __pos__ = __invert__ = _no_number
    __floor__ = __ceil__ = __trunc__ = __index__ = _no_number
    __lt__ = __le__ = __gt__ = __ge__ = _no_number

    def __array_ufunc__(self, function: Any, *_: object, **__: object) -> NoReturn:
        """Refuse a function of NumPy, and an array at an operator."""
        operator = function.nin == 2
        self._refuse("a number at an operator" if operator else f"numbers for {function.__name__}")

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name in _UFUNCS.split():
                each = "[float(value) for value in values]"
                return partial(self._refuse, f"numbers for {name}", each)
            return super().__getattr__(name)

    def __getitem__(self, item: object) -> NoReturn:
        """Refuse an item, also of a loop."""
        if isinstance(item, str) and hasattr(type(self), "alone"):
            rates = "value.alone['readout'], or value.together"
            self._refuse(f"no index [{brief(item)}]", rates)
        self._refuse(f"no index [{brief(item)}], or an expression for SymPy")

    def __len__(self) -> NoReturn:
        self._refuse("no length, or an expression for SymPy")


class ReadAsNumber(NoOperators):
    """A quantity that is read as its ``value``: by float(), and by a format."""

    if TYPE_CHECKING:

        @property
        def value(self) -> Any:
            """The number, or an array of several."""

    def __float__(self) -> float:
        value = self.value
        if getattr(value, "ndim", 0):
            raise InvalidArgument(
                f"expected one number, got the {len(value)} layers of {type(self).__name__}; take "
                f"the number of one layer, such as value.value[0]"
            )
        return float(value)

    def __format__(self, spec: str) -> str:
        """Its text without a format, else its number in that format."""
        return format(float(self), spec) if spec else str(self)


def _is_plain(method: Callable[..., object]) -> bool:
    """Whether all arguments of a method have names, and no decorator answers for them."""
    kinds = {each.kind for each in inspect.signature(method).parameters.values()}
    of_any = {Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD}
    return not (kinds & of_any or hasattr(method, "answers"))


def _nearest(value: object, name: str) -> str:
    """The text to write in place of an attribute."""
    names = [each for each in dir(value) if not each.startswith("_")]
    kinds = [each for of, each in _ELSEWHERE.items() if type(value).__name__ in of.split()]
    for words, answer in [pair for each in (*kinds, _OF_VALUES) for pair in each.items()]:
        if name in words.split():
            return answer
    if name in _OF_EXPRESSIONS.split() and "exact" in names:
        return f"its expression has, exact.{name}"
    if name in ("to_pandas", "to_frame", "dataframe") and "frame" in names:
        return "the nearest name is frame"
    if name in _STATISTICS and "value" in names:
        return _STATISTICS[name]
    nearest = get_close_matches(name, names, 1)
    return f"the nearest name is {nearest[0]}" if nearest else f"its names are {', '.join(names)}"


def answered(function: Callable[P, R]) -> Callable[P, R]:
    """``function``, which refuses arguments that it does not have, or lacks, in one sentence.

    >>> from theory import MLP, InvalidArgument, squared_update
    >>> for call in (lambda: squared_update(MLP(), layr=2), lambda: squared_update()):
    ...     try:
    ...         call()
    ...     except InvalidArgument as error:
    ...         print(error)
    expected no layr for squared_update, got layr=2; the nearest name is layer
    expected network for squared_update, got none; give network=MLP(width=64, depth=4)
    """
    parameters = inspect.signature(function).parameters
    kinds = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
    names = [each for each in parameters.values() if each.kind in kinds and each.name != "self"]
    called = function.__qualname__.removesuffix(".__init__").rpartition(".")[2]
    bound = next(iter(parameters), "") == "self"

    @wraps(function)
    def call(*args: P.args, **given: P.kwargs) -> R:
        _refuse_unknown(called, names, given)
        _refuse_count(called, names, args[bound:], given)
        return function(*args, **given)

    call.answers = True  # type: ignore[attr-defined]
    return call


def _refuse_unknown(called: str, names: list[Parameter], given: Mapping[str, object]) -> None:
    """`InvalidArgument` for a keyword that is none of ``names``."""
    named = [each.name for each in names]
    for name, value in given.items():
        if name not in named:
            raise InvalidArgument(
                f"expected no {name} for {called}, got {name}={brief(value)}; "
                f"{_squared(name, value, named) or _instead(called, name, named)}"
            )


def _refuse_count(
    called: str, names: list[Parameter], args: tuple[object, ...], given: Mapping[str, object]
) -> None:
    """`InvalidArgument` for too many values without a name, a name given twice, and a name that
    needs a value and has none."""
    in_order = [each.name for each in names if each.kind is each.POSITIONAL_OR_KEYWORD]
    extra = args[len(in_order) :]
    if extra:
        later = [each.name for each in names if each.kind is each.KEYWORD_ONLY]
        pairs = zip(later, extra, strict=False)
        by_name = f"give {', '.join(f'{name}={brief(value)}' for name, value in pairs)}"
        if len(later) > 1 and not all(isinstance(each, Number) for each in extra):
            by_name = f"its names are {', '.join(later)}"
        whole = f"write {called}({', '.join(map(_example, in_order))})"
        raise InvalidArgument(
            f"expected {f'{_list(in_order)} alone' if in_order else 'no arguments'} for {called}"
            f"{', and the rest by name' * bool(later)}, got {', '.join(map(brief, extra))}"
            f"{' besides' * bool(in_order)}; {by_name if later else whole}"
        )
    for name in in_order[: len(args)]:
        if name in given:
            raise InvalidArgument(
                f"expected {name} once for {called}, got {name}={brief(given[name])} besides "
                f"{brief(args[in_order.index(name)])}; leave one out"
            )
    held = {*in_order[: len(args)], *given}
    lacks = [each.name for each in names if each.default is each.empty and each.name not in held]
    if lacks:
        fix, first = ", ".join(map(_example, lacks)), args[0] if args else None
        if lacks == ["networks"] and isinstance(first, list):
            fix = f"the list by its name, networks={brief(first)}"
        if lacks == ["decay"] and isinstance(first, str | Number):
            fix = f"{called}(GradientDescent(), decay={brief(first)})"
        raise InvalidArgument(f"expected {_list(lacks)} for {called}, got none; give {fix}")


def answered_class(kind: C) -> C:
    """A class of which a call is `answered`."""
    made: Any = kind
    made.__init__ = answered(made.__init__)
    return kind


def _squared(name: str, value: object, named: list[str]) -> str:
    """The argument to give in the place of its root."""
    if f"{name}2" not in named:
        return ""
    number = isinstance(value, Number) and not isinstance(value, bool)
    given = f"{name}2={value * value:.6g}" if number else _example(f"{name}2")  # type: ignore[operator]
    given = f"{name}2={value**2}" if hasattr(value, "free_symbols") else given  # type: ignore[operator]
    return f"{name}2 is its square: give {given}"


def _instead(called: str, name: str, named: list[str]) -> str:
    """The text to write in place of a keyword."""
    meant, own = _OF_OTHER_NETWORKS.get(name, ("", ""))
    if own in named:
        return f"the {meant} of a {called} is {own}: give {_example(own)}"
    if "networks" in named and name in _OF_GRIDS:
        return "sizes belong to the networks: give networks=[MLP(16, 2), MLP(32, 4)]"
    if name == "optimiser" and "source" in named:
        return "multiply rate by the ratio of two maximal_learning_rate(network, optimiser=...)"
    if "optimiser" in named and name in _OF_STEPS:
        return f"give optimiser={_OF_STEPS[name]}, say"
    alike = [own for own, names in _SYNONYMS.items() if own in named and name in names.split()]
    if alike:
        return f"the name is {alike[0]}"
    if name in ("bias", "biases", "use_bias"):
        return _ANSWERS[name]
    if (first := name.partition("_")[0]) in named and first != name:
        return f"the nearest name is {first}"
    if called == "validity" and name in ("width", "n"):
        return "its range of depths takes a width: write validity(0.1).depths(64)"
    if name in _OF_THE_NETWORK.split() and "activation" not in named:
        return f"it belongs to the network: give MLP({_example(name)})"
    ends = [each for each in named if each.startswith(name) or each.endswith(name)]
    if len(name) > 3 and ends:
        return f"the nearest name is {ends[0]}"
    if name.lower() in _ANSWERS or name in _ANSWERS:
        return _ANSWERS.get(name) or _ANSWERS[name.lower()]
    nearest = ends or get_close_matches(name, named, 1)
    if nearest:
        return f"the nearest name is {nearest[0]}"
    if len(named) > 1:
        return f"its names are {', '.join(named)}"
    return f"write {called}({''.join(map(_example, named))})"


def outside(name: str, value: str = "") -> str:
    """The answer for a keyword that no public call has; empty where it is unknown.

    >>> outside("batch")
    'the step is on one example, not on a batch: leave it out'
    """
    given = f"{name}={value}" if value else _example(name)
    of_network = f"it belongs to the network: give MLP({given})"
    return _ANSWERS.get(name) or of_network * (name in _OF_THE_NETWORK.split())


def _example(name: str) -> str:
    return f"{name}={_EXAMPLES.get(name, '...')}"


def _list(names: list[str]) -> str:
    return " and ".join([*([", ".join(names[:-1])] if names[1:] else []), names[-1]])
