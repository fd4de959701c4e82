# The cheapest safe deployment: a private database, no password, alerts in the portal. It has no standby, no zones, no warm
# instance, and no private endpoint of the storage account.
# Copy the file, fill in the first lines, and run: terraform plan -var-file=profiles/<your copy>.tfvars

subscription_id = "00000000-0000-0000-0000-000000000000"
location        = "swedencentral"
environment     = "min"
monthly_budget  = 60

# By digest: ../scripts/pin-images docker.io/library/postgres:17-alpine prints the value.
database_bootstrap_image = null

# Database: 35 user connections minus a reserve of 10 are 25; 7 instances and the timer's need 8 × 3 = 24.
database_sku_name      = "B_Standard_B1ms"
maximum_instance_count = 7
instance_memory_in_mb  = 512

storage_private_endpoint_enabled = false

# Two locations every quarter of an hour.
availability_test_frequency_in_seconds = 900
availability_test_locations            = ["emea-nl-ams-azr", "emea-gb-db3-azr"]

log_daily_cap_in_gb      = 0.2
usual_pageviews_per_hour = null

# At a quarter of an hour, query alerts cost a third.
query_alert_frequency_in_minutes = 15
