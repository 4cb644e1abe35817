"""The base of every spec model: frozen, and closed to keys that it does not know."""

from pydantic import BaseModel, ConfigDict


class SpecModel(BaseModel):
    """A frozen model that refuses unknown keys. The text under a field is its help, in editors and errors."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        allow_inf_nan=False,
    )
