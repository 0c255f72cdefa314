include $(sort $(wildcard $(BR2_EXTERNAL_RAMAL_PATH)/package/*/*.mk))
