//! A store under other policies or another schema: whether what it holds still fits.

use super::judge::Rules;
use super::shape::Shapes;
use super::{EntityNo, LinkNo, LinkRef, Store, TypeNo};
use crate::engine::error::{Place, Problems};
use crate::engine::gate::Limits;
use crate::engine::links;
use crate::engine::policies::Policies;
use crate::engine::schema::SchemaInfo;

// === impl Store ===

impl Store {
    /// Whether another schema says the same of entities as the one that this was loaded with. If
    /// not, the entities have to be loaded again, from `Loader::keep_entities`.
    pub fn fits_schema(&self, schema: &SchemaInfo) -> bool {
        Shapes::new(schema).describe() == self.shapes.describe()
    }

    /// Whether another version has the very same description of types, so that the image of either
    /// is read with the schema of the other.
    pub fn shares_shapes(&self, other: &Self) -> bool {
        std::sync::Arc::ptr_eq(&self.shapes, &other.shapes)
    }

    /// What is wrong with the links under other policies, whose schema this store fits.
    pub fn check_links(
        &self,
        schema: &SchemaInfo,
        policies: &Policies,
        limits: &Limits,
    ) -> Problems {
        let names = &self.links.templates;
        let rules = Rules::new(self.shapes.clone(), schema, policies, *limits, names);
        let mut problems = Problems::default();
        for (number, row) in (0..).zip(self.links.rows.iter()) {
            let link = LinkNo(number);
            let Some(said) = self.link_of(link) else { continue };
            if self.is_right(&said, &rules) && !rules.is_policy(row.id) {
                continue;
            }
            let Some(serde_json::Value::Object(json)) = self.link_json(link) else { continue };
            for fault in links::judge(json, policies, schema).err().into_iter().flatten() {
                problems.push(fault.problem.at(Place::whole("the links in force")));
            }
        }
        problems
    }

    /// Whether a template wants what a link gives. A slot that an action fills is not looked into.
    fn is_right(&self, link: &LinkRef<'_>, rules: &Rules<'_>) -> bool {
        let Some((_, template)) = rules.templates.get(self.template_name(link.template)) else {
            return false;
        };
        let fits = |allowed: &Option<Vec<TypeNo>>, no: Option<EntityNo>| match (allowed, no) {
            (None, None) => true,
            (Some(allowed), Some(no)) => allowed.contains(&self.type_of(no)),
            _ => false,
        };
        fits(&template.principal, link.principal) && fits(&template.resource, link.resource)
    }
}
