# Where sources come from when they are not Buildroot's own. Buildroot reads
# this file before its packages, and only `override` outlives their plain
# assignments. docs/buildroot.md explains the five ways and their traps.

# The kernel is always Debian's source of the 6.12 line: the same that the
# Debian base boots, with the hash in patches/linux/linux.hash.
override LINUX_SOURCE := linux-source-6.12_6.12.117-1_deb12u1.tar.xz

ifeq ($(RAMAL_OFFLINE),1)

# Nothing is fetched. A file that is not in the download folder ends the build.
DOWNLOAD_URIS :=

# Debian's tarball of the same version lacks a few test files.
override ZSTD_SOURCE := libzstd_1.5.7+dfsg.orig.tar.xz

# Programs of the build host in place of packages that are neither in Debian
# nor part of the result. The empty folder is their source, so legal-info has
# no text of them to collect.
RAMAL_NOTHING := $(realpath $(lastword $(filter %offline/local.mk,$(MAKEFILE_LIST))))
RAMAL_NOTHING := $(patsubst %/local.mk,%/nothing,$(RAMAL_NOTHING))
RAMAL_FIRST := host-skeleton host-fakedate

define RAMAL_LINK_HOST_PROGRAM
	mkdir -p $(HOST_DIR)/bin $(HOST_DIR)/sbin
	ln -sf "$$(PATH="$$PATH:/usr/sbin:/sbin" command -v $(1))" $(HOST_DIR)/$(2)/$(1)
endef

HOST_TAR_OVERRIDE_SRCDIR := $(RAMAL_NOTHING)
override HOST_TAR_LICENSE_FILES :=
override HOST_TAR_REDISTRIBUTE := NO
override define HOST_TAR_CONFIGURE_CMDS
	@:
endef
override define HOST_TAR_BUILD_CMDS
	@:
endef
override define HOST_TAR_INSTALL_CMDS
	$(call RAMAL_LINK_HOST_PROGRAM,tar,bin)
endef

HOST_KMOD_OVERRIDE_SRCDIR := $(RAMAL_NOTHING)
override HOST_KMOD_LICENSE_FILES :=
override HOST_KMOD_REDISTRIBUTE := NO
override HOST_KMOD_DEPENDENCIES := $(RAMAL_FIRST)
override define HOST_KMOD_CONFIGURE_CMDS
	@:
endef
override define HOST_KMOD_BUILD_CMDS
	@:
endef
override define HOST_KMOD_INSTALL_CMDS
	$(call RAMAL_LINK_HOST_PROGRAM,depmod,sbin)
endef

HOST_PATCHELF_OVERRIDE_SRCDIR := $(RAMAL_NOTHING)
override HOST_PATCHELF_LICENSE_FILES :=
override HOST_PATCHELF_REDISTRIBUTE := NO
override define HOST_PATCHELF_CONFIGURE_CMDS
	@:
endef
override define HOST_PATCHELF_BUILD_CMDS
	@:
endef
override define HOST_PATCHELF_INSTALL_CMDS
	$(call RAMAL_LINK_HOST_PROGRAM,patchelf,bin)
endef

# Two headers for packages that are not here; one of them is not in Debian.
override MUSL_COMPAT_HEADERS_EXTRA_DOWNLOADS :=
override MUSL_COMPAT_HEADERS_LICENSE_FILES := cdefs.h
override define MUSL_COMPAT_HEADERS_EXTRACT_CMDS
	$(INSTALL) -m 0644 -D $(MUSL_COMPAT_HEADERS_PKGDIR)/cdefs.h $(@D)/cdefs.h
endef
override define MUSL_COMPAT_HEADERS_INSTALL_STAGING_CMDS
	$(INSTALL) -m 0644 -D $(@D)/cdefs.h $(STAGING_DIR)/usr/include/sys/cdefs.h
endef

endif
