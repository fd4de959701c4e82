terraform {
  required_version = ">= 1.11"

  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "~> 5.2"
    }
  }

  # `terraform init -backend-config=...` sets the rest (docs/deployment.md, step 2). Terraform reads and writes the state with
  # an Entra token; shared keys are off on its storage account.
  backend "azurerm" {
    use_azuread_auth = true
  }
}
