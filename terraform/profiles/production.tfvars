# A standby in another zone, two warm instances, private endpoints only, alerts by e-mail.
# Copy the file, fill in the first lines, and run: terraform plan -var-file=profiles/<your copy>.tfvars

subscription_id = "00000000-0000-0000-0000-000000000000"
location        = "swedencentral"
environment     = "prod"
monthly_budget  = 700
alert_emails    = ["operator@example.com"]

# By digest: ../scripts/pin-images docker.io/library/postgres:17-alpine prints the value.
database_bootstrap_image = null

# Database: 844 user connections minus a reserve of 20 are 824; 100 instances and the timer's need 101 × 3 = 303.
database_sku_name                     = "GP_Standard_D2ds_v5"
database_storage_in_mb                = 65536
database_high_availability_mode       = "ZoneRedundant"
database_backup_retention_in_days     = 35
database_geo_redundant_backup_enabled = true
database_connection_reserve           = 20

instance_memory_in_mb       = 2048
maximum_instance_count      = 100
always_ready_instance_count = 2
zone_redundancy_enabled     = true

storage_private_endpoint_enabled = true
resource_group_lock_enabled      = false

availability_test_frequency_in_seconds = 300
availability_test_locations            = ["emea-nl-ams-azr", "emea-gb-db3-azr", "emea-fr-pra-edge"]

log_retention_in_days    = 90
log_daily_cap_in_gb      = 5
latency_alert_in_ms      = 500
usual_pageviews_per_hour = 50
