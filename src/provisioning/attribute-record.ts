import type { OrgAttribute } from '../domain/org-attribute.ts'
import type { RecordChange, RecordTarget } from '../domain/record.ts'

/** A declaration as a record names it; its name is nobody's personal value. */
export function attributeTarget({ name }: Pick<OrgAttribute, 'name'>): RecordTarget {
  return { type: 'attribute', id: name, display: name }
}

function valuesOf(attribute: OrgAttribute | undefined): readonly (readonly [string, RecordChange['new']])[] {
  return [
    ['type', attribute?.type],
    ['multiValued', attribute?.multiValued],
    ['caseExact', attribute?.caseExact],
    ['description', attribute?.description],
    ['state', attribute?.state],
  ]
}

/** What differs between two states of a declaration; undefined where there is none before, or none after. */
export function attributeChanges(
  before: OrgAttribute | undefined,
  after: OrgAttribute | undefined,
): readonly RecordChange[] {
  const later = new Map(valuesOf(after))
  return valuesOf(before).flatMap(([path, old]): readonly RecordChange[] => {
    const now = later.get(path)
    if (old === now) return []
    return [{ path, ...(old === undefined ? {} : { old }), ...(now === undefined ? {} : { new: now }) }]
  })
}
