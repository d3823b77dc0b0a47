"""Reads the steps of a line: their names, and arguments that fit what each step declares."""

from __future__ import annotations

from core.mapping.language import StepUse
from core.mapping.problem import Place, did_you_mean
from core.mapping.read_words import WordReader
from core.mapping.source import Node
from core.mapping.steps import STEPS, Parameter, Step
from core.model.values import Json


class StepReader(WordReader):
    """Reads what stands behind `steps:`."""

    def _steps(self, node: Node) -> tuple[StepUse, ...]:
        if "steps" not in node.value:
            return ()
        steps = node.value["steps"].node
        items = steps.value if steps.is_list else [steps]
        return tuple(use for item in items if (use := self._step(item)))

    def _step(self, node: Node) -> StepUse | None:
        if node.is_map and len(node.value) == 1:
            entry = next(node.entries)
            name, place, argument = entry.key, entry.place, entry.node
        else:
            name, place, argument = node.value, node.place, None
        if not isinstance(name, str):
            self.source.problem(
                node.place, "This is no step.", found=node.told(), expected="`trim` or `date: '%d.%m.%Y'`"
            )
            return None
        if name not in STEPS:
            remedy = did_you_mean(name, STEPS) or f"The steps are {', '.join(STEPS)}."
            self.source.problem(place, f"There is no step `{name}`.", found=name, expected="a step", remedy=remedy)
            return None
        arguments = self._arguments(STEPS[name], place, argument)
        return None if arguments is None else StepUse(name, arguments, place)

    def _arguments(self, step: Step, place: Place, node: Node | None) -> dict[str, Json] | None:
        """The step's arguments by name: a lone one may stand by itself, several stand in a map."""
        before = len(self.source.problems)
        given = self._given(step, node)
        for parameter in step.parameters:
            if parameter.name in given:
                self._fitting(step, parameter, given[parameter.name])
            elif parameter.required:
                self.source.problem(
                    place,
                    f"The step `{step.name}` needs `{parameter.name}`.",
                    expected=parameter.doc,
                    remedy=f"Write `{step.name}: …`, for example {_example(step)}.",
                )
        arguments = {name: argument.plain() for name, argument in given.items()}
        if self._has_errors(before):
            return None
        try:
            step.pair(arguments)
        except ValueError as error:
            self.source.problem(
                node.place if node else place,
                f"The step `{step.name}` cannot work like this: {error}.",
                remedy=f"For example {_example(step)}.",
            )
            return None
        return arguments

    def _given(self, step: Step, node: Node | None) -> dict[str, Node]:
        names = [parameter.name for parameter in step.parameters]
        if node is None or node.value is None:
            return {}
        if not names:
            self.source.problem(
                node.place,
                f"The step `{step.name}` takes nothing.",
                found=node.told(),
                remedy=f"Write `{step.name}`.",
            )
            return {}
        by_name = node.is_map and (step.parameters[0].type != "words" or set(node.value) <= set(names))
        if not by_name:
            return {names[0]: node}
        for entry in node.entries:
            if entry.key not in names:
                self._unknown_word(entry, names, f"the step `{step.name}`")
        return {str(entry.key): entry.node for entry in node.entries if entry.key in names}

    def _fitting(self, step: Step, parameter: Parameter, node: Node) -> None:
        if _fits(parameter.type, node):
            return
        self.source.problem(
            node.place,
            f"`{parameter.name}` of the step `{step.name}` must be {_TYPE_TOLD[parameter.type]}.",
            found=node.told(),
            expected=parameter.doc,
            remedy=f"For example {_example(step)}.",
        )


_TYPE_TOLD = {
    "text": "text",
    "number": "a number",
    "texts": "a list of texts",
    "words": "a map of text to text",
    "value": "a plain value",
}


def _fits(type_: str, node: Node) -> bool:
    value = node.value
    if type_ == "text":
        return isinstance(value, str)
    if type_ == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    if type_ == "texts":
        return isinstance(value, list) and all(_is_plain(item) for item in value)
    if type_ == "words":
        entries = list(node.entries)
        return node.is_map and bool(entries) and all(isinstance(entry.node.value, str) for entry in entries)
    return _is_plain(node)


def _is_plain(node: Node) -> bool:
    return isinstance(node.value, str | int | float)


def _example(step: Step) -> str:
    for example in step.examples:
        if example.arguments:
            (first, *others) = example.arguments.values()
            return f"`{step.name}: {example.arguments if others else first}`"
    return f"`{step.name}`"
