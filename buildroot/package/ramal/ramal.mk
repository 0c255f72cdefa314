################################################################################
#
# ramal
#
################################################################################

RAMAL_VERSION = 0.1.0
RAMAL_SITE = $(realpath $(BR2_EXTERNAL_RAMAL_PATH)/..)
RAMAL_SITE_METHOD = local
RAMAL_LICENSE = Apache-2.0
RAMAL_LICENSE_FILES = LICENSE
# Build output, and a history that the programs do not read.
RAMAL_OVERRIDE_SRCDIR_RSYNC_EXCLUSIONS = --exclude /target --exclude /.git
# The sources are this repository, and the crates are in the SBOM of `cargo image`.
RAMAL_REDISTRIBUTE = NO

RAMAL_TARGET = $(if $(BR2_x86_64),x86_64,aarch64)-unknown-linux-musl
RAMAL_TARGET_ENV = $(subst -,_,$(RAMAL_TARGET))
RAMAL_BUILT = $(@D)/target/$(RAMAL_TARGET)/released

RAMAL_FEATURES = $(if $(BR2_PACKAGE_RAMAL_DEBUG_SHELL),--features init/debug-shell)

# Neither where it was built nor where the crates lay shows in a program.
RAMAL_PATHS = \
	--remap-path-prefix=$(@D)=/ramal \
	--remap-path-prefix=$(RAMAL_VENDOR)=/crates

# The toolchain is the build host's (rustup reads rust-toolchain.toml); the C
# parts of a few crates are compiled by Buildroot's. An empty CARGO_HOME keeps
# a person's configuration and registry out.
define RAMAL_BUILD_CMDS
	cd $(@D) && $(TARGET_MAKE_ENV) \
		CARGO_HOME=$(@D)/.cargo-home \
		CARGO_INCREMENTAL=0 \
		CARGO_TARGET_$(call UPPERCASE,$(RAMAL_TARGET_ENV))_LINKER=$(TARGET_CC) \
		CARGO_TARGET_$(call UPPERCASE,$(RAMAL_TARGET_ENV))_RUSTFLAGS="$(RAMAL_PATHS)" \
		CC_$(RAMAL_TARGET_ENV)=$(TARGET_CC) \
		AR_$(RAMAL_TARGET_ENV)=$(TARGET_AR) \
		CFLAGS_$(RAMAL_TARGET_ENV)="-ffile-prefix-map=$(@D)=/ramal -ffile-prefix-map=$(RAMAL_VENDOR)=/crates" \
		cargo build --offline --locked --profile released \
			--package init --package ramal $(RAMAL_FEATURES) \
			--target $(RAMAL_TARGET) --target-dir $(@D)/target \
			--config 'source.crates-io.replace-with="vendored"' \
			--config 'source.vendored.directory="$(RAMAL_VENDOR)"'
endef

define RAMAL_INSTALL_TARGET_CMDS
	$(INSTALL) -D -m 0755 $(RAMAL_BUILT)/init $(TARGET_DIR)/sbin/init
	$(INSTALL) -D -m 0755 $(RAMAL_BUILT)/ramal $(TARGET_DIR)/usr/bin/ramal
endef

$(eval $(generic-package))
