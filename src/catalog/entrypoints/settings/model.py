"""All settings as one object."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from pydantic import Field, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NestedSecretsSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from catalog.entrypoints.settings.sections import (
    AuditSettings,
    CacheSettings,
    ChangesSettings,
    HttpSettings,
    IdentitySettings,
    ImportsSettings,
    LogSettings,
    RateLimitSettings,
    Section,
    StorageSettings,
)

PREFIX = "CATALOG_"
ENVIRONMENTS = ("local", "dev", "uat", "uatbiz", "sanity", "prod", "test")


class Settings(BaseSettings):
    """All settings. Each is an environment variable such as CATALOG_STORAGE__URL."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__", extra="ignore", frozen=True)

    environment: Literal["local", "dev", "uat", "uatbiz", "sanity", "prod", "test"] = Field(
        "local", description="Name of the environment; selects the file .env.{environment}"
    )
    storage: StorageSettings = StorageSettings()
    http: HttpSettings = HttpSettings()
    cache: CacheSettings = CacheSettings()
    imports: ImportsSettings = ImportsSettings()
    changes: ChangesSettings = ChangesSettings()
    audit: AuditSettings = AuditSettings()
    identity: IdentitySettings = IdentitySettings()
    rate_limit: RateLimitSettings = RateLimitSettings()
    log: LogSettings = LogSettings()

    @field_validator("environment", mode="before")
    @classmethod
    def _lower(cls, environment: object) -> object:
        """Accept any case and surrounding spaces."""
        return environment.strip().lower() if isinstance(environment, str) else environment

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic-settings' signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources, highest priority first."""
        secrets = NestedSecretsSettingsSource(
            file_secret_settings, secrets_dir_missing="ok", secrets_nested_delimiter="__", secrets_prefix=PREFIX
        )
        return init_settings, env_settings, secrets, dotenv_settings


def all_settings() -> dict[str, FieldInfo]:
    """Return the field of every variable, with its default and description."""
    return dict(_variables(Settings.model_fields, ()))


def _variables(fields: Mapping[str, FieldInfo], path: tuple[str, ...]) -> Iterator[tuple[str, FieldInfo]]:
    """Yield the variables of a section, then those of the sections in it."""
    for name, field in fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, Section):
            yield from _variables(section.model_fields, (*path, name))
        else:
            yield variable_name((*path, name)), field


def variable_name(path: Iterable[object]) -> str:
    """Return the environment variable of a setting."""
    return PREFIX + "__".join(str(part).upper() for part in path)
