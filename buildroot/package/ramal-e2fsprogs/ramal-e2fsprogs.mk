################################################################################
#
# ramal-e2fsprogs
#
################################################################################

RAMAL_E2FSPROGS_VERSION = 1.47.4
RAMAL_E2FSPROGS_SOURCE = e2fsprogs-$(RAMAL_E2FSPROGS_VERSION).tar.gz
RAMAL_E2FSPROGS_SITE = $(BR2_KERNEL_MIRROR)/linux/kernel/people/tytso/e2fsprogs/v$(RAMAL_E2FSPROGS_VERSION)
RAMAL_E2FSPROGS_LICENSE = GPL-2.0, LGPL-2.0 (libext2fs, libe2p), BSD-3-Clause (libuuid), MIT-like (libet, libss)
RAMAL_E2FSPROGS_LICENSE_FILES = NOTICE
RAMAL_E2FSPROGS_CPE_ID_VENDOR = e2fsprogs_project
RAMAL_E2FSPROGS_CPE_ID_PRODUCT = e2fsprogs

RAMAL_E2FSPROGS_CONF_OPTS = \
	--disable-elf-shlibs \
	--enable-libuuid \
	--enable-libblkid \
	--disable-debugfs \
	--disable-imager \
	--disable-resizer \
	--disable-defrag \
	--disable-fsck \
	--disable-uuidd \
	--disable-fuse2fs \
	--disable-e2initrd-helper \
	--disable-testio-debug \
	--disable-tls \
	--disable-nls \
	--disable-rpath \
	--without-libarchive \
	--with-crond-dir=no \
	--with-udev-rules-dir=no \
	--with-systemd-unit-dir=no
RAMAL_E2FSPROGS_CONF_ENV = ac_cv_path_LDCONFIG=true

define RAMAL_E2FSPROGS_BUILD_CMDS
	$(TARGET_MAKE_ENV) $(MAKE) -C $(@D) libs
	$(TARGET_MAKE_ENV) $(MAKE) -C $(@D)/misc mke2fs
	$(TARGET_MAKE_ENV) $(MAKE) -C $(@D)/e2fsck e2fsck
endef

define RAMAL_E2FSPROGS_INSTALL_TARGET_CMDS
	$(INSTALL) -D -m 0755 $(@D)/misc/mke2fs $(TARGET_DIR)/sbin/mke2fs
	$(INSTALL) -D -m 0755 $(@D)/e2fsck/e2fsck $(TARGET_DIR)/sbin/e2fsck
endef

$(eval $(autotools-package))
