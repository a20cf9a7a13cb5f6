"""The plugin `tta` of hatchling: what the packages of a workspace need to be published well."""
