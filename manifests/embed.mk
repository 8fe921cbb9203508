# What manifests/embed.c takes in by .incbin, which the compiler's own dependency files do not list.
$(B)/manifests/embed.o: $(wildcard manifests/*.yaml manifests/dialects/*.yaml)

# Write the table of keys in docs/release-yaml.md again from the schema and the presets.
.PHONY: docs-keys
docs-keys: $(B)/tests/test_config
	$(B)/tests/test_config update-docs
