# What is watched, and who is told.

mock_provider "azurerm" {
  override_during = plan
  source          = "./tests/mocks"
}

variables {
  subscription_id = "11111111-2222-3333-4444-555555555555"
  location        = "swedencentral"
  environment     = "test"
  monthly_budget  = 100
}

run "every_alert_there_should_be" {
  command = plan

  assert {
    condition     = toset(keys(azurerm_monitor_metric_alert.database)) == toset(["down", "cpu", "memory", "storage", "connections", "logins", "credits"])
    error_message = "Database: down, processor, memory, storage, connections, failed logins, credits."
  }

  assert {
    condition     = toset(keys(azurerm_monitor_scheduled_query_rules_alert_v2.this)) == toset(["server-errors", "latency", "handler-restarts", "database-lost", "silence"])
    error_message = "App: errors, latency, restarts, lost database, silence."
  }

  assert {
    condition     = toset(keys(azurerm_monitor_metric_alert.availability)) == toset(["live", "version"]) && toset([for test in azurerm_application_insights_standard_web_test.this : one(test.request).url]) == toset(["https://func-mock.azurewebsites.net/health/live", "https://func-mock.azurewebsites.net/version"])
    error_message = "Availability of /health/live and /version."
  }

  assert {
    condition     = alltrue([for test in azurerm_application_insights_standard_web_test.this : one(test.validation_rules).expected_status_code == 200 && one(test.validation_rules).ssl_check_enabled]) && one(one(azurerm_application_insights_standard_web_test.this["version"].validation_rules).content).content_match == "\"commit\""
    error_message = "A test must want 200 and a valid certificate, and /version must name its commit."
  }
}

run "every_alert_tells_somebody" {
  command = plan

  variables {
    alert_emails = ["operator@example.com"]
  }

  assert {
    condition     = alltrue([for alert in merge(azurerm_monitor_metric_alert.database, azurerm_monitor_metric_alert.availability) : one(alert.action).action_group_id == azurerm_monitor_action_group.this.id])
    error_message = "A metric alert without an action tells nobody."
  }

  assert {
    condition     = alltrue([for alert in azurerm_monitor_scheduled_query_rules_alert_v2.this : one(alert.action).action_groups == tolist([azurerm_monitor_action_group.this.id])])
    error_message = "A query alert without an action tells nobody."
  }

  assert {
    condition     = [for receiver in azurerm_monitor_action_group.this.email_receiver : receiver.email_address] == ["operator@example.com"]
    error_message = "The operator must be told."
  }

  assert {
    condition     = length(azurerm_consumption_budget_resource_group.this.notification) == 3 && alltrue([for notice in azurerm_consumption_budget_resource_group.this.notification : notice.contact_groups == tolist([azurerm_monitor_action_group.this.id])])
    error_message = "The budget must tell the same people."
  }

  assert {
    condition     = can(regex("^[0-9]{4}-[0-9]{2}-01T00:00:00Z$", one(azurerm_consumption_budget_resource_group.this.time_period).start_date))
    error_message = "A budget begins on the first of a month."
  }
}

run "thresholds_follow_the_size" {
  command = plan

  variables {
    database_sku_name = "GP_Standard_D2ds_v5"
  }

  assert {
    condition     = one(azurerm_monitor_metric_alert.database["connections"].criteria).threshold == 675 && !contains(keys(azurerm_monitor_metric_alert.database), "credits")
    error_message = "80 % of 844; credits are a matter of Burstable sizes."
  }
}

run "thresholds_reach_the_queries" {
  command = plan

  variables {
    latency_alert_in_ms           = 777
    server_error_alert_percentage = 3
    usual_pageviews_per_hour      = 42
  }

  assert {
    condition = (
      strcontains(one(azurerm_monitor_scheduled_query_rules_alert_v2.this["latency"].criteria).query, "p95 > 777") &&
      strcontains(one(azurerm_monitor_scheduled_query_rules_alert_v2.this["server-errors"].criteria).query, "/ total > 3") &&
      strcontains(one(azurerm_monitor_scheduled_query_rules_alert_v2.this["silence"].criteria).query, "yesterday >= 42")
    )
    error_message = "A threshold is not in its query."
  }

  assert {
    condition     = alltrue([for alert in azurerm_monitor_scheduled_query_rules_alert_v2.this : !strcontains(one(alert.criteria).query, "$${")])
    error_message = "A query still holds a placeholder."
  }
}

run "a_host_that_gave_up_is_seen_where_it_says_so" {
  command = plan

  assert {
    condition     = strcontains(one(azurerm_monitor_scheduled_query_rules_alert_v2.this["handler-restarts"].criteria).query, "exceptions\n| where outerMessage has_any")
    error_message = "\"Initializing HttpWorker timed out\" is only ever the message of an exception."
  }
}

run "silence_can_be_switched_off" {
  command = plan

  variables {
    usual_pageviews_per_hour = null
  }

  assert {
    condition     = !contains(keys(azurerm_monitor_scheduled_query_rules_alert_v2.this), "silence")
    error_message = "A quiet site wants no alert of silence."
  }
}

run "the_workbook_is_a_workbook" {
  command = plan

  assert {
    condition     = jsondecode(azurerm_application_insights_workbook.this.data_json).version == "Notebook/1.0" && length(jsondecode(azurerm_application_insights_workbook.this.data_json).items) == 9
    error_message = "A heading, a time range and seven charts."
  }

  assert {
    condition     = can(regex("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", azurerm_application_insights_workbook.this.name))
    error_message = "A workbook's name is a lower-case GUID."
  }
}

run "logs_go_to_the_workspace" {
  command = plan

  assert {
    condition     = contains([for log in azurerm_monitor_diagnostic_setting.database.enabled_log : log.category], "PostgreSQLLogs") && azurerm_monitor_diagnostic_setting.database.log_analytics_workspace_id == azurerm_log_analytics_workspace.this.id
    error_message = "The database's log must be kept."
  }

  assert {
    condition     = azurerm_application_insights.this.workspace_id == azurerm_log_analytics_workspace.this.id
    error_message = "Application Insights must be workspace-based."
  }
}

run "the_first_apply_does_not_wait_for_a_rule_that_may_never_come" {
  command = plan

  assert {
    condition     = !strcontains(file("${path.module}/providers.tf"), "disable_generated_rule")
    error_message = "The provider polls for Application Insights' own rule until its time is up (azurerm#18026)."
  }
}

# Terraform destroys what depends before what it depends on: the lock first, then what it would have held.
run "locks_go_before_what_lies_below_them" {
  command = plan

  assert {
    condition = alltrue([for needed in ["administrator.bootstrap", "administrator.people", "configuration.this", "private_endpoint.database", "diagnostic_setting.database"] :
      can(regex("depends_on = [^\\]]*${needed},", regex("(?s)resource \"azurerm_management_lock\" \"database\" .*?\n}\n", file("${path.module}/main.database.tf"))))
    ])
    error_message = "The database's lock must depend on all that lies below the server, or removing it meets the lock."
  }

  assert {
    condition = alltrue([for needed in ["diagnostic_setting.blobs", "private_endpoint.blob", "role_assignment.app_blobs", "storage_container.packages"] :
      can(regex("depends_on = [^\\]]*${needed},", regex("(?s)resource \"azurerm_management_lock\" \"storage\" .*?\n}\n", file("${path.module}/main.function.tf"))))
    ])
    error_message = "The storage account's lock must depend on all that lies below the account."
  }
}

run "locks_follow_their_switches" {
  command = plan

  variables {
    deletion_protection_enabled = false
    resource_group_lock_enabled = true
  }

  assert {
    condition     = length(azurerm_management_lock.database) == 0 && length(azurerm_management_lock.storage) == 0 && azurerm_management_lock.resource_group[0].lock_level == "CanNotDelete"
    error_message = "Each lock has its switch."
  }
}
