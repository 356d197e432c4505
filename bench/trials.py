"""This module tries settings of PyTorch and JAX one after the other, and picks the fastest."""

from __future__ import annotations

from bench.crew import Crew, SettingFailed
from bench.literal import Literal
from bench.plan import Plan
from bench.rows import Row, Section
from bench.settings import Setting, candidates
from bench.timing import Timing, alternate, sized

__all__ = ["best_settings"]


def best_settings(plan: Plan, cores: int) -> tuple[dict[str, Setting], Section]:
    """The fastest setting of each library, and a row for every setting tried.

    Each is judged by its fastest round, which is the one that other work disturbed least.
    A setting that cannot run, such as one that needs a compiler, is reported with the reason.
    Raises `SettingFailed` where no setting of a library can.
    """
    best, rows, notes = {}, [], []
    for library, settings in candidates(cores).items():
        tried = {setting: _tried(setting, plan) for setting in settings}
        ran = {setting: found for setting, found in tried.items() if isinstance(found, Timing)}
        failed = [f"{each}: {found}" for each, found in tried.items() if each not in ran]
        if not ran:
            raise SettingFailed(f"no setting of {library} ran; {'; '.join(failed)}")
        best[library] = min(ran, key=lambda setting: ran[setting].lowest)
        rows += [_row(setting, found, ran[best[library]], plan) for setting, found in ran.items()]
        notes += [f"{library} did not run: {each}" for each in failed]
    title = f"settings tried, at ({plan.width:,}, {plan.depth:,})"
    return best, Section(title, "the best", tuple(rows), tuple(notes))


def _tried(setting: Setting, plan: Plan) -> Timing | str:
    """Seconds per network, or why it did not run."""
    try:
        with Crew(setting, Literal(plan.width, plan.depth)) as crew:
            units = sized(crew, crew.step, plan.seconds)
            return alternate({"": (crew, units)}, plan.trial_rounds)[""]
    except SettingFailed as error:
        return str(error)


def _row(setting: Setting, found: Timing, fastest: Timing, plan: Plan) -> Row:
    """Nanoseconds per weight, and how many times the fastest setting's."""
    weights = plan.width**2 * plan.depth
    ratio = found.times(1 / fastest.median)
    return Row(setting.library, str(setting), found.times(1e9 / weights), "ns/weight", ratio)
