"""The only list of methods: every class found in a package, plus those that other packages offer (P1)."""

import importlib
import pkgutil
from functools import cached_property
from importlib.metadata import entry_points
from typing import ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from backdoor_pipeline.base.errors import UserError, unknown
from backdoor_pipeline.base.names import check_name

NONE = "none"  # the choice of no attack, or of no defense
IMPORTED = (
    "imported"  # the attack that somebody else has carried out, whose model and data are taken as they are
)


class Method(BaseModel):
    """An attack or a defense: its hyper-parameters are its fields, its steps are its methods.

    Class attributes:
        name: what users call it.
        revision: raised by one whenever its code makes something else of the same parameters: artefacts are
            named by it, as by parameters and data.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: ClassVar[str]
    revision: ClassVar[int] = 0


MethodT = TypeVar("MethodT", bound=Method)


class Registry(Generic[MethodT]):
    """The methods of one kind, by name.

    A method is any subclass of `base` with a `name`, defined in a module of `{group}.methods`, or offered by
    an installed package under the entry point group `group`.
    """

    def __init__(self, kind: str, base: type[MethodT], group: str) -> None:
        self.kind, self.base, self.group = kind, base, group

    def names(self) -> list[str]:
        """Every known name, sorted, `none` included."""
        return sorted([NONE, *self._methods])

    def __getitem__(self, name: str) -> type[MethodT]:
        """The class called `name`.

        Raises:
            UserError: the name is not known; the message lists those that are.
        """
        if name not in self._methods:
            raise unknown(self.kind, name, self.names())
        return self._methods[name]

    @cached_property
    def _methods(self) -> dict[str, type[MethodT]]:
        found: dict[str, type[MethodT]] = {}
        for method in [*self._own(), *self._plugged_in()]:
            check_name(f"the {self.kind}", method.name)
            if method.name in found and found[method.name] is not method:
                raise UserError(
                    f"two {self.kind}s are called '{method.name}': rename or uninstall one of them."
                )
            found[method.name] = method
        return found

    def _own(self) -> list[type[MethodT]]:
        package = importlib.import_module(f"{self.group}.methods")
        modules = [
            importlib.import_module(f"{package.__name__}.{info.name}")
            for info in pkgutil.iter_modules(package.__path__)
        ]
        return [
            member
            for module in modules
            for member in vars(module).values()
            if self._is_method(member) and member.__module__ == module.__name__
        ]

    def _plugged_in(self) -> list[type[MethodT]]:
        offered = [point.load() for point in entry_points(group=self.group)]
        for member in offered:
            if not self._is_method(member):
                raise UserError(
                    f"{member!r}, offered as {self.kind}, is not a named {self.base.__name__} subclass."
                )
        return offered

    def _is_method(self, member: object) -> bool:
        return isinstance(member, type) and issubclass(member, self.base) and "name" in vars(member)
