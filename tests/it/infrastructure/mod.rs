//! The CloudFormation template and the Terraform module do what `setup aws` does: where one of them was
//! carried out, the command has nothing left to do.

mod linters;
mod module;
mod template;
